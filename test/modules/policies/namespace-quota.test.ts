import { quota } from "../../../modules/policies/namespace-quota";
import { resources, synthesize, testConfig } from "../../helpers/layers";

describe("the namespace's quota", () => {
  const of = (over: object = {}) => quota(testConfig(over));
  it("the quota has room for every workload at its maximum, a rollout, and two headroom pods", () => {
    // main 1, replicas 6, exporter 3 + 1, API 10 + 3, front 6 + 2, headroom 2
    expect(of()).toMatchObject({ pods: "34", persistentvolumeclaims: "1", "requests.storage": "1024Mi" });
    // 100 + 600 + 4 × 20 + 13 × 100 + 8 × 30 + 2 × 20
    expect(of()["requests.cpu"]).toBe("2360m");
    expect(of()["limits.memory"]).toBe(`${768 + 6 * 768 + 4 * 96 + 13 * 256 + 8 * 96 + 2 * 256}Mi`);
  });
  it("the quota grows with the configured bounds, and with the three members of a Sentinel group, each with a Sentinel and a volume", () => {
    expect(of({ scaling: { node: { max: 20 } } })).toMatchObject({ pods: "46" });
    expect(of({ redis: { durability: "ha" } })).toMatchObject({ pods: "36", persistentvolumeclaims: "3" });
    expect(of({ redis: { durability: "ha" } })["requests.cpu"]).toBe(`${2360 + 200 + 3 * 10}m`);
  });
  it("the quota has room for a backup and its volume if one is scheduled", () => {
    const scheduled = of({ redis: { backup: { schedule: "@daily", storage: "3Gi" } } });
    expect(scheduled).toMatchObject({ pods: "35", persistentvolumeclaims: "2", "requests.storage": "4096Mi" });
  });
  it("the quota exists if it is enabled, together with default limits for pods that set none", () => {
    expect(resources(synthesize(), "kubernetes_resource_quota_v1")).toEqual([]);
    const layers = synthesize({ namespaces: { quota: true } });
    const [limits] = resources(layers, "kubernetes_limit_range_v1").map((r) => r.body);
    expect(resources(layers, "kubernetes_resource_quota_v1")[0]!.body["spec"].hard).toEqual(of());
    expect(limits!["spec"].limit[0]).toMatchObject({ type: "Container", default: { memory: "256Mi" } });
  });
});
