import type { LayerName } from "../../../stacks/outputs";
import { judge, withDrift, type LayerDiff } from "../../../scripts/commands/diff";

describe("diff", () => {
  const deployed = () => true;
  const none = new Map<never, never>();
  const changes: LayerDiff = { kind: "changes", text: "1 to add", lines: [] };
  it("a layer waits for upstream layers that have never been deployed", () => {
    expect(judge("app", none, () => false, undefined)).toEqual({ kind: "waits", for: ["images", "data"] });
    expect(judge("app", none, (l) => l === "images", undefined)).toEqual({ kind: "waits", for: ["data"] });
  });
  it("a layer with an empty plan may still change after an upstream layer does", () => {
    const upstream = new Map([
      ["images", changes],
      ["data", { kind: "unchanged" }],
    ] as [never, LayerDiff][]);
    expect(judge("app", upstream, deployed, { kind: "unchanged" })).toEqual({ kind: "may change", after: ["images"] });
  });
  it("uncertainty propagates downstream", () => {
    const upstream = new Map<LayerName, LayerDiff>([["data", { kind: "may change", after: ["images"] }]]);
    expect(judge("observability", upstream, deployed, { kind: "unchanged" })).toEqual({
      kind: "may change",
      after: ["data"],
    });
  });
  it("a layer is unchanged if nothing upstream changes", () => {
    const upstream = new Map([
      ["images", { kind: "unchanged" }],
      ["data", { kind: "unchanged" }],
    ] as [never, LayerDiff][]);
    expect(judge("app", upstream, deployed, { kind: "unchanged" })).toEqual({ kind: "unchanged" });
  });
  it("drift counts as a change, in addition to the plan", () => {
    const empty = { add: 0, change: 0, remove: 0, isEmpty: true, lines: [] };
    expect(withDrift(empty, [])).toEqual({ kind: "unchanged" });
    const drift = { kind: "Deployment", name: "node", paths: ["spec.x"], manifest: {} };
    expect(withDrift(empty, [drift])).toEqual({
      kind: "changes",
      text: "changed manually: node",
      lines: ["revert node: spec.x"],
    });
    expect(withDrift({ ...empty, isEmpty: false, change: 1 }, [drift])).toMatchObject({
      text: "1 to change; changed manually: node",
    });
  });
});
