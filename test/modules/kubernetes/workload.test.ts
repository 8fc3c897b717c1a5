import { REVISION } from "../../../modules/kubernetes/workload";
import { resources, synthesize, workload } from "../../helpers/layers";

const all = synthesize();

describe("the replica count belongs to the autoscaler", () => {
  it("any change is a change inside spec, so that the count in a plan is never sent", () => {
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
