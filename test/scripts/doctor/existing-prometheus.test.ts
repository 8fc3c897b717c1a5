import { Kube } from "../../../scripts/cluster/kubectl";
import { checkExistingPrometheus } from "../../../scripts/doctor/existing-prometheus";
import { RunError } from "../../../scripts/terminal/run-program";
import { testConfig } from "../../helpers/layers";
import { recorder } from "../../helpers/recorder";

describe("the cluster's own Prometheus", () => {
  const pod = { kind: "Pod", metadata: { name: "prometheus-0" } };
  const check = (over: object, pods: string | RunError) => {
    const config = testConfig({ observability: "existing", ...over });
    return checkExistingPrometheus(
      config,
      new Kube(config, recorder([[/get pods -n obs|get pods -n monitoring/, pods]]).run),
    );
  };
  const list = (...items: object[]) => JSON.stringify({ items });

  it("must run in the namespace that our policies admit; the error names the key", async () => {
    await expect(check({}, list())).rejects.toMatchObject({
      message: expect.stringContaining("No Prometheus runs in namespace monitoring"),
      next: expect.stringContaining("namespaces.monitoring"),
    });
    await expect(check({ namespaces: { monitoring: "obs" } }, list(pod))).resolves.toBe("in namespace obs");
  });
  it("may run anywhere without policies, and is unknown to a user who may not list its pods", async () => {
    await expect(check({ networkPolicies: false }, list())).resolves.toContain("not checked");
    await expect(check({}, new RunError("kubectl", 1, "pods is forbidden", "x"))).resolves.toMatch(/^unknown/);
  });
});
