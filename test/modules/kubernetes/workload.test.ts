import { REVISION } from "../../../modules/kubernetes/workload";
import { resources, synthesize, workload, workloads, type Json } from "../../helpers/layers";

const all = synthesize();

describe("the replica count belongs to the autoscaler", () => {
  it("any change also changes spec, so the replica count in a plan is never sent", () => {
    const revision = (over: object) =>
      workload(synthesize(over), "node")["spec"].template.metadata.annotations[REVISION];
    const base = revision({});
    expect(revision({})).toBe(base);
    expect(revision({ node: { resources: { cpu: "200m" } } })).not.toBe(base);
    expect(revision({ images: { pullSecrets: ["x"] } })).not.toBe(base);
  });
  it("the whole spec is a computed field, and conflicts are never forced", () => {
    for (const { body } of resources(all, "kubernetes_manifest")) {
      expect(body["computed_fields"]).toContain("spec");
      expect(body["field_manager"]).toEqual({ name: "terraform" });
    }
  });
});

describe("when a node is lost", () => {
  const spec = (w: Json): Json => w["spec"].template.spec as Json;
  it.each(workloads(all).filter((w) => w["kind"] === "Deployment"))(
    "the pods of Deployment $metadata.name are replaced at most 10 s after Kubernetes notices the loss",
    (w) => {
      for (const key of ["node.kubernetes.io/unreachable", "node.kubernetes.io/not-ready"]) {
        const found = (spec(w)["tolerations"] as Json[]).find((t) => t["key"] === key);
        expect(found).toMatchObject({ effect: "NoExecute", operator: "Exists" });
        expect(found!["tolerationSeconds"]).toBeLessThanOrEqual(10);
      }
    },
  );
  it("main is not evicted, because its pod would not be replaced, but only restarted once the node is back", () => {
    expect(spec(workload(all, "redis-main"))["tolerations"]).toBeUndefined();
  });
});
