/**
 * With `workloads: helm`, a deployment does not need to list CRDs, and replica counts still belong to the autoscaler.
 */
import { resources, synthesize, type Json } from "../../helpers/layers";

describe("workloads: helm", () => {
  const all = synthesize({ workloads: "helm", redis: { backup: { schedule: "@daily" } } });
  const objects = resources(all, "helm_release")
    .filter((r) => (r.body["chart"] as string).endsWith("charts/object"))
    .map((r) => (JSON.parse(r.body["values"][0] as string) as { object: Json }).object);

  it("leaves no resources for which Terraform's provider would list CRDs", () => {
    expect(resources(all, "kubernetes_manifest")).toEqual([]);
  });
  it("has a separate release for each workload", () => {
    expect(objects.map((o) => `${o["kind"]} ${o["metadata"].name}`).sort()).toEqual([
      "CronJob redis-backup",
      "Deployment node",
      "Deployment react",
      "Deployment redis-exporter",
      "StatefulSet redis-main",
      "StatefulSet redis-replicas",
    ]);
  });
  it("sets only main's replica count, which no autoscaler owns", () => {
    const counted = objects.filter((o) => "replicas" in o["spec"]).map((o) => o["metadata"].name as string);
    expect(counted).toEqual(["redis-main"]);
  });
  it("deploys the same pods as without Helm", () => {
    const applied = resources(synthesize(), "kubernetes_manifest").map((r) => r.body["manifest"] as Json);
    const pod = (o: Json) => ({ name: o["metadata"].name as string, pod: o["spec"].template?.spec as object });
    const released = objects.map(pod);
    expect(applied).toHaveLength(5);
    for (const object of applied) expect(released).toContainEqual(pod(object));
  });
});
