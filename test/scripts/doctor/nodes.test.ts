import { checkNodes } from "../../../scripts/doctor/nodes";
import { checkAutopilot, isAutopilot } from "../../../scripts/doctor/autopilot";
import { Kube } from "../../../scripts/cluster/kubectl";
import { RunError } from "../../../scripts/terminal/run-program";
import { testConfig } from "../../helpers/layers";
import { recorder } from "../../helpers/recorder";

const node = (name: string, spec: object = {}, info: object = {}, ready = "True") => ({
  kind: "Node",
  metadata: { name },
  spec,
  status: {
    conditions: [{ type: "Ready", status: ready }],
    nodeInfo: { operatingSystem: "linux", architecture: "amd64", ...info },
  },
});
const tainted = (effect: string) => ({ taints: [{ key: "team", value: "gpu", effect }] });
const kubeWith = (config: ReturnType<typeof testConfig>, ...items: object[]) =>
  new Kube(config, recorder([[/get nodes/, JSON.stringify({ items })]]).run);

describe("nodes", () => {
  const check = (overrides: object, ...nodes: object[]) => {
    const config = testConfig(overrides);
    return checkNodes(config, kubeWith(config, ...nodes));
  };
  it("nodes that are all tainted cannot run the project's pods; each is named with its taint", async () => {
    await expect(check({}, node("a", tainted("NoSchedule")), node("b", tainted("NoExecute")))).rejects.toMatchObject({
      message: "0 of 2 can run our pods: a (taint team=gpu:NoSchedule), b (taint team=gpu:NoExecute).",
      next: expect.stringContaining("kubectl taint node NODE KEY-"),
    });
  });
  it("nodes are left out if they are cordoned, not Ready or tainted; the others are counted, with their architectures", async () => {
    await expect(
      check(
        {},
        node("a"),
        node("b", {}, { architecture: "arm64" }),
        node("c", { unschedulable: true, ...tainted("NoSchedule") }),
        node("d", {}, {}, "Unknown"),
        node("e", tainted("PreferNoSchedule")),
      ),
    ).resolves.toBe("3 of 5 can run our pods (amd64, arm64); not c (cordoned), d (not Ready)");
  });
  it("durability ha needs three nodes, and tainted ones do not count", async () => {
    const ha = { redis: { durability: "ha" } };
    await expect(check(ha, node("a"), node("b"), node("c", tainted("NoSchedule")))).rejects.toMatchObject({
      message: expect.stringMatching(/^2 of 3 .*ha needs 3.*c \(taint/),
      next: expect.stringContaining("redis.durability: safe"),
    });
    await expect(check(ha, node("a"), node("b"), node("c"))).resolves.toMatch(/^3 of 3/);
  });
  it("nodes that run Windows need a taint, because the project's pods could be scheduled there", async () => {
    const windows = { operatingSystem: "windows" };
    await expect(check({}, node("a"), node("w", {}, windows))).rejects.toMatchObject({
      message: expect.stringContaining("Windows nodes: w"),
      next: expect.stringContaining("os=windows:NoSchedule"),
    });
    await expect(check({}, node("a"), node("w", tainted("NoSchedule"), windows))).resolves.toMatch(/^1 of 2/);
  });
  it("missing nodes cause no error, and neither do nodes that this user may not list", async () => {
    await expect(check({})).resolves.toMatch(/^none yet/);
    const config = testConfig();
    const denied = new RunError("kubectl", 1, 'Error from server (Forbidden): nodes is forbidden: User "x"', "failed");
    await expect(checkNodes(config, new Kube(config, recorder([[/get nodes/, denied]]).run))).resolves.toMatch(
      /^unknown/,
    );
  });
});

describe("GKE Autopilot", () => {
  it("Autopilot is recognized by its nodes' names, or by an API if there are no nodes", async () => {
    const config = testConfig();
    const found = (...nodes: object[]) => isAutopilot(kubeWith(config, ...nodes));
    await expect(found(node("gk3-shop-pool-1-abc"))).resolves.toBe(true);
    await expect(found(node("gke-shop-default-pool-abc"))).resolves.toBe(false);
    await expect(found()).resolves.toBe(false);
    const api = recorder([[/get --raw \/apis\/auto\.gke\.io\/v1/, "{}"]]);
    await expect(isAutopilot(new Kube(config, api.run))).resolves.toBe(true);
  });
  it("Autopilot forbids what the defaults install; the error names the keys to set", () => {
    expect(() => checkAutopilot(testConfig())).toThrow(
      expect.objectContaining({
        message: expect.stringContaining("forbids changes in kube-system"),
        next: expect.stringMatching(
          /^Set monitoring\.kubeSystem: false, monitoring\.nodeExporter: false, metricsServer\.mode: existing\..*gke-autopilot/,
        ),
      }),
    );
  });
  const allowed = {
    monitoring: { kubeSystem: false, nodeExporter: false },
    metricsServer: { mode: "existing" },
  };
  it("Autopilot forbids installing KEDA, but not using an existing KEDA", () => {
    const keda = { ...allowed, scaling: { engine: "keda" } };
    expect(() => checkAutopilot(testConfig(keda))).toThrow(/KEDA/);
    expect(checkAutopilot(testConfig({ ...keda, keda: { mode: "existing" } }))).toMatch(/^nothing/);
  });
  it("Autopilot allows a deployment with those keys set, or without the project's monitoring", () => {
    expect(checkAutopilot(testConfig(allowed))).toMatch(/^nothing/);
    const none = { observability: "none", metricsServer: { mode: "existing" } };
    expect(checkAutopilot(testConfig(none))).toMatch(/^nothing/);
  });
});
