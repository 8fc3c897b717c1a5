/** Monitoring that a cluster already has, in the forms of kube-prometheus-stack, OpenShift and a plain DaemonSet. */
import { Kube } from "../../../scripts/cluster/kubectl";
import { checkMonitoring, checkNewMonitoring } from "../../../scripts/deploy/other-monitoring";
import { RunError } from "../../../scripts/terminal/run-program";
import { testConfig } from "../../helpers/layers";
import { recorder } from "../../helpers/recorder";

const OURS = { "meta.helm.sh/release-name": "kube-prometheus-stack", "meta.helm.sh/release-namespace": "monitoring" };
const workload = (namespace: string, name: string, containers: object[], annotations: object = {}, more = {}) => ({
  kind: "x",
  metadata: { namespace, name, annotations },
  spec: { template: { spec: { containers, ...more } } },
});
const operator = (namespace: string, args: string[] = [], annotations: object = {}) =>
  workload(
    namespace,
    "prometheus-operator",
    [{ image: "quay.io/prometheus-operator/prometheus-operator:v0.80.0", args }],
    annotations,
  );
const look = (found: { deployments?: object[]; daemonsets?: object[] }, overrides: object = {}) => {
  const config = testConfig(overrides);
  const { run } = recorder([
    [/get deployments -A/, JSON.stringify({ items: found.deployments ?? [] })],
    [/get daemonsets -A/, JSON.stringify({ items: found.daemonsets ?? [] })],
  ]);
  return checkMonitoring(config, new Kube(config, run));
};

describe("the check of monitoring", () => {
  it("existing monitoring prevents a second operator if its operator manages every namespace; the error names the key for using the existing one", async () => {
    await expect(look({ deployments: [operator("team")] })).rejects.toMatchObject({
      message: expect.stringContaining("would also manage our Prometheus: team/prometheus-operator"),
      next: expect.stringMatching(/observability to existing .*--deny-namespaces=monitoring/),
    });
  });
  it("existing monitoring causes no error if its operator ignores the project's namespace or is the project's own, or if the project installs none", async () => {
    for (const args of [
      ["--namespaces=openshift-monitoring"],
      ["--deny-namespaces=monitoring,other"],
      ["--namespaces=monitoring", "--prometheus-instance-namespaces=team"],
    ])
      await expect(look({ deployments: [operator("team", args)] })).resolves.toMatch(/^no other/);
    await expect(look({ deployments: [operator("monitoring", [], OURS)] })).resolves.toMatch(/^no other/);
    await expect(look({ deployments: [operator("team")] }, { observability: "existing" })).resolves.toMatch(/existing/);
  });
  it("existing monitoring may occupy the node-exporter's port on every node; the error names the key that leaves out the project's node-exporter", async () => {
    const ports = [{ hostPort: 9100, containerPort: 9100 }];
    const exporter = workload("team", "node-exporter", [{ image: "x", ports }]);
    const onHost = workload(
      "agent",
      "exporter",
      [{ image: "x", ports: [{ containerPort: 9100 }] }],
      {},
      { hostNetwork: true },
    );
    await expect(look({ daemonsets: [exporter, onHost] })).rejects.toMatchObject({
      message: expect.stringMatching(/^team\/node-exporter, agent\/exporter uses port 9100/),
      next: expect.stringContaining("monitoring.nodeExporter to false"),
    });
    await expect(look({ daemonsets: [exporter] }, { monitoring: { nodeExporter: false } })).resolves.toMatch(/^no/);
    const inPod = workload("team", "node-exporter", [{ image: "x", ports: [{ containerPort: 9100 }] }]);
    const ours = workload("monitoring", "node-exporter", [{ image: "x", ports }], OURS);
    await expect(look({ daemonsets: [inPod, ours] })).resolves.toMatch(/^no/);
  });
  it("existing monitoring stops a new deployment, but not an existing one", async () => {
    const config = testConfig();
    const check = (...own: object[]) => {
      const { run } = recorder([
        [/get deployments -A/, JSON.stringify({ items: [operator("team"), ...own] })],
        [/get deployments -n monitoring/, JSON.stringify({ items: own })],
      ]);
      return checkNewMonitoring(config, new Kube(config, run));
    };
    await expect(check()).rejects.toThrow("team/prometheus-operator");
    await expect(check(operator("monitoring", [], OURS))).resolves.toBeUndefined();
  });
  it("existing monitoring is reported as unknown if the user may not list Deployments", async () => {
    const config = testConfig();
    const denied = new RunError("kubectl", 1, "Error from server (Forbidden)", "denied");
    const { run } = recorder([[/get deployments/, denied]]);
    await expect(checkMonitoring(config, new Kube(config, run))).resolves.toMatch(/^unknown/);
  });
  it("is reported without node-exporters if this user may not list DaemonSets", async () => {
    const config = testConfig();
    const denied = new RunError("kubectl", 1, "Error from server (Forbidden)", "denied");
    const { run } = recorder([
      [/get deployments/, JSON.stringify({ items: [] })],
      [/get daemonsets/, denied],
    ]);
    await expect(checkMonitoring(config, new Kube(config, run))).resolves.toBe(
      "no other operator; this user may not list DaemonSets",
    );
  });
});
