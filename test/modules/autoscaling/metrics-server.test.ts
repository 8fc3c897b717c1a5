import { resources, synthesize, type Json } from "../../helpers/layers";

describe("metrics-server", () => {
  const release = (over: object) => resources({ app: synthesize(over).app }, "helm_release").map((r) => r.body)[0];
  it("metrics-server scrapes every 10 s, with a kubelet timeout below 0.9 of that", () => {
    const values = JSON.parse(release({})!["values"][0]) as { defaultArgs: string[]; args: string[] };
    expect(values.defaultArgs).toContain("--metric-resolution=10s");
    expect(values.defaultArgs).toContain("--kubelet-request-timeout=9s");
    expect(values.args).toEqual(["--kubelet-insecure-tls"]);
  });
  it("metrics-server is not deployed if the cluster already has one", () => {
    expect(release({ metricsServer: { mode: "existing" } })).toBeUndefined();
  });
  it("verifies the kubelets' certificates if they are signed", () => {
    expect(JSON.parse(release({ metricsServer: { kubeletInsecureTls: false } })!["values"][0]).args).toEqual([]);
  });
  it("metrics-server has two pods, on separate nodes if possible; a single node is enough for both", () => {
    const values = JSON.parse(release({})!["values"][0]) as Json;
    expect(values["replicas"]).toBe(2);
    expect(values["podDisruptionBudget"]).toEqual({ enabled: true, maxUnavailable: 1 });
    // a required anti-affinity would keep the second pod Pending in a single-node cluster
    expect(values["affinity"]).toBeUndefined();
    expect(values["topologySpreadConstraints"]).toEqual([
      expect.objectContaining({
        topologyKey: "kubernetes.io/hostname",
        maxSkew: 1,
        whenUnsatisfiable: "DoNotSchedule",
        nodeTaintsPolicy: "Honor",
      }),
    ]);
  });
});
