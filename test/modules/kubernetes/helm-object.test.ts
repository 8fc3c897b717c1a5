/** With `workloads: helm` nothing needs to list CRDs, and counts stay the autoscaler's. */
import { resources, synthesize, type Json } from "../../helpers/layers";

describe("workloads: helm", () => {
  const all = synthesize({ workloads: "helm", redis: { backup: { schedule: "@daily" } } });
  const objects = resources(all, "helm_release")
    .filter((r) => (r.body["chart"] as string).endsWith("charts/object"))
    .map((r) => (JSON.parse(r.body["values"][0] as string) as { object: Json }).object);

  it("leaves no resource that Terraform's provider looks up among the CRDs", () => {
    expect(resources(all, "kubernetes_manifest")).toEqual([]);
  });
  it("has each pod's owner in a release of its own", () => {
    expect(objects.map((o) => `${o["kind"]} ${o["metadata"].name}`).sort()).toEqual([
      "CronJob redis-backup",
      "Deployment node",
      "Deployment react",
      "Deployment redis-exporter",
      "StatefulSet redis-main",
      "StatefulSet redis-replicas",
    ]);
  });
  it("writes no count but main's, which no autoscaler owns", () => {
    const counted = objects.filter((o) => "replicas" in o["spec"]).map((o) => o["metadata"].name as string);
    expect(counted).toEqual(["redis-main"]);
  });
  it("is what is applied otherwise, field by field", () => {
    const applied = resources(synthesize(), "kubernetes_manifest").map((r) => r.body["manifest"] as Json);
    const pod = (o: Json) => ({ name: o["metadata"].name as string, pod: o["spec"].template?.spec as object });
    const released = objects.map(pod);
    expect(applied).toHaveLength(5);
    for (const object of applied) expect(released).toContainEqual(pod(object));
  });
});
