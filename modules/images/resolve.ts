import * as path from "node:path";
import { PART_OF } from "../../catalog/names";
import { PROJECT_ROOT } from "../../catalog/paths";
import type { Config, ImageConfig } from "../../config";
import { contextHash } from "./context-hash";
import { tagState, type TagState } from "./registry";

export const IMAGE_NAMES = ["node", "react"] as const;
export type ImageName = (typeof IMAGE_NAMES)[number];

/** One of our images, resolved: prebuilt, or a tag and its state in the registry. */
export type ResolvedImage =
  | { readonly kind: "prebuilt"; readonly reference: string }
  | {
      readonly kind: "built";
      readonly repository: string;
      readonly tag: string;
      readonly context: string;
      readonly dockerfile: string;
      readonly inRegistry: TagState;
    };
export type ResolvedImages = Readonly<Record<ImageName, ResolvedImage>>;

type QueryTag = typeof tagState;

/** Hashes the build contexts and queries the registry for their tags: the only network access at synth. */
export async function resolveImages(config: Config, queryTag: QueryTag = tagState): Promise<ResolvedImages> {
  const resolve = async (name: ImageName, image: ImageConfig): Promise<ResolvedImage> => {
    if (image.image) return { kind: "prebuilt", reference: image.image };
    const context = path.resolve(PROJECT_ROOT, image.context);
    const repository = `${PART_OF}-${name}`;
    const { dockerfile } = image;
    const tag = contextHash({ context, dockerfile, platform: config.images.platform });
    return {
      kind: "built",
      repository,
      tag,
      context,
      dockerfile,
      inRegistry: await queryTag(config.registry, repository, tag),
    };
  };
  const [node, react] = await Promise.all([resolve("node", config.images.node), resolve("react", config.images.react)]);
  return { node, react };
}
