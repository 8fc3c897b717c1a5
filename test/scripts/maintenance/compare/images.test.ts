import { differences } from "../../../../scripts/maintenance/compare/differences";
import { withoutImageTags } from "../../../../scripts/maintenance/compare/images";
import { builtImages, synthesize } from "../../../helpers/layers";

const layers = (tag: string) => withoutImageTags(synthesize({}, builtImages("absent", tag)));

it("a new image tag counts as one change, not as a change to every name that contains the tag", () => {
  const [before, after] = [layers("a".repeat(16)), layers("b".repeat(16))];
  expect(before.tags).toEqual({ node: "a".repeat(16), react: "a".repeat(16) });
  expect(differences(before.layers, after.layers)).toEqual([]);
});

it("layers with prebuilt images have no tags", () => {
  const image = { kind: "prebuilt", reference: "registry.example/node:1" } as const;
  expect(withoutImageTags(synthesize({}, { node: image, react: image })).tags).toEqual({});
});
