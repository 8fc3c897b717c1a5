import { Kube } from "../../../scripts/cluster/kubectl";
import { checkLimitRanges } from "../../../scripts/doctor/limit-ranges";
import { RunError } from "../../../scripts/terminal/run-program";
import { testConfig } from "../../helpers/layers";
import { recorder } from "../../helpers/recorder";

const check = (limits: object[], overrides: object = {}) => {
  const config = testConfig(overrides);
  const items = [{ kind: "LimitRange", metadata: { name: "team" }, spec: { limits } }];
  return checkLimitRanges(config, new Kube(config, recorder([[/get limitrange/, JSON.stringify({ items })]]).run));
};
const refused = (limits: object[], overrides?: object) =>
  check(limits, overrides).then(
    () => "",
    (error: Error) => error.message,
  );

describe("LimitRanges", () => {
  it("a LimitRange refuses containers above its maximum, and the error names the keys", async () => {
    const message = await refused([{ type: "Container", max: { memory: "512Mi" } }]);
    expect(message).toContain("LimitRange team in namespace iacproject rejects our pods");
    expect(message).toContain("redis.main.memoryLimit is 768Mi, above 512Mi");
    expect(message).not.toContain("node.resources");
  });
  it("a LimitRange refuses containers below its minimum, and limits too far above the request", async () => {
    expect(await refused([{ type: "Container", min: { cpu: "50m" } }])).toContain(
      "react.resources.cpu is 30m, below 50m; redis.exporter.cpu is 20m, below 50m",
    );
    expect(await refused([{ type: "Pod", maxLimitRequestRatio: { memory: "4" } }])).toContain(
      "redis.main.memoryLimit 768Mi is more than 4 times redis.main.memory 128Mi",
    );
    // a ratio requires a limit, which the project's containers do not set
    expect(await refused([{ type: "Container", maxLimitRequestRatio: { cpu: "10" } }])).toContain(
      "node.resources.cpuLimit is not set, but must be",
    );
  });
  it("a LimitRange counts main and its Sentinel together if it applies to pods", async () => {
    const limits = [{ type: "Pod", max: { memory: "800Mi" } }];
    expect(await refused(limits)).toBe("");
    expect(await refused(limits, { redis: { durability: "ha" } })).toContain("redis.main.memoryLimit is 832Mi, above");
  });
  it("a LimitRange refuses a pod whose request is above the default limit, even if the maximum is higher", async () => {
    const range = { type: "Container", default: { cpu: "500m" }, max: { cpu: "4" } };
    expect(await refused([range], { node: { resources: { cpu: "700m" } } })).toContain(
      "node.resources.cpu is 700m, above its limit 500m",
    );
  });
  it("a LimitRange refuses volumes of another size", async () => {
    const size = (limits: object) => [{ type: "PersistentVolumeClaim", ...limits }];
    expect(await refused(size({ max: { storage: "500Mi" } }))).toContain("redis.storage is 1Gi, above 500Mi");
    expect(await refused(size({ min: { storage: "10Gi" } }))).toContain("redis.storage is 1Gi, below 10Gi");
  });
  it("a LimitRange is reported if it only sets a default CPU limit, because that slows down the project's containers", async () => {
    await expect(check([{ type: "Container", default: { cpu: "200m", memory: "1Gi" } }])).resolves.toMatch(
      /^team limits our containers to 200m CPU.*node\.resources\.cpuLimit.*set another limit$/,
    );
  });
  it("a LimitRange causes no error if it fits, or if the user may not list it", async () => {
    await expect(check([{ type: "Container", max: { cpu: "8", memory: "8Gi" } }])).resolves.toMatch(/^none/);
    const config = testConfig();
    const denied = new RunError("kubectl", 1, "Error from server (Forbidden)", "denied");
    await expect(checkLimitRanges(config, new Kube(config, recorder([[/limitrange/, denied]]).run))).resolves.toMatch(
      /^unknown/,
    );
  });
});
