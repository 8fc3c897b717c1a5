import { flows } from "../../../modules/policies/flows";
import { resources, synthesize, testConfig, type Json } from "../../helpers/layers";
import { releases, scaledObjects } from "../../helpers/scaled-objects";

const keda = { scaling: { engine: "keda" } };
const all = synthesize(keda);

describe("KEDA", () => {
  const release = releases({ data: all.data }).find((r) => r["name"] === "keda")!;
  const values = JSON.parse(release["values"][0] as string) as Json;
  it("KEDA is recreated on another node at most 10 s after Kubernetes notices the loss of its node", () => {
    for (const part of ["operator", "metricsServer"]) {
      const seconds = (values[part].tolerations as Json[]).map((t) => t["tolerationSeconds"] as number);
      expect(seconds).toHaveLength(2);
      expect(Math.max(...seconds)).toBeLessThanOrEqual(10);
    }
  });
  it("KEDA watches only the application namespace, reads no Secrets, and has no webhooks", () => {
    expect(values["watchNamespace"]).toContain("kubernetes_namespace_v1");
    expect(values["permissions"].operator.restrict.secret).toBe(true);
    expect(values["webhooks"].enabled).toBe(false);
  });
  it("KEDA has its own namespace, which enforces Pod Security restricted", () => {
    const [namespace] = resources({ data: all.data }, "kubernetes_namespace_v1")
      .map((r) => r.body["metadata"])
      .filter((m) => m.name === "keda");
    expect(namespace.labels["pod-security.kubernetes.io/enforce"]).toBe("restricted");
  });
  it("KEDA is not installed if the cluster already has it, but the project's KEDA objects are", () => {
    const existing = synthesize({ ...keda, keda: { mode: "existing" } });
    expect(releases({ data: existing.data }).map((r) => r["name"])).not.toContain("keda");
    expect(scaledObjects(existing)).toHaveLength(4);
  });
  it("KEDA is not installed with engine hpa, and neither are its objects", () => {
    const { data } = synthesize();
    expect(data["resource"]).not.toHaveProperty("helm_release");
    expect(JSON.stringify(data)).not.toContain("keda");
  });
  it("KEDA may connect only to the API and the front, or with engine hpa to neither", () => {
    const from = (over: object) =>
      flows(testConfig(over))
        .filter((f) => f.from === "keda")
        .map((f) => `${f.to}:${f.port}`);
    expect(from(keda)).toEqual(["node:3000", "react:8080"]);
    expect(from({})).toEqual([]);
    const policy = resources({ data: all.data }, "kubernetes_network_policy_v1").find(
      (r) => r.body["metadata"].name === "node",
    )!.body["spec"] as Json;
    expect(JSON.stringify(policy["ingress"])).toContain('"app":"keda-operator"');
  });
});
