import * as path from "node:path";
import { PART_OF } from "../../catalog/names";
import { PROJECT_ROOT } from "../../catalog/paths";
import type { Config, ImageConfig } from "../../config";
import { contextHash } from "./context-hash";
import { isThisMachine, tagState, type TagState } from "./registry";

export const IMAGE_NAMES = ["node", "react", "scaler"] as const;
export type ImageName = (typeof IMAGE_NAMES)[number];
/** The image that is needed only with scaling.fast. */
type OptionalImage = "scaler";

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
/** The resolved images of one configuration. */
export type ResolvedImages = Readonly<
  Record<Exclude<ImageName, OptionalImage>, ResolvedImage> & Partial<Record<OptionalImage, ResolvedImage>>
>;

/** The images that this configuration deploys. */
export const imageNames = (config: Pick<Config, "scaling">): readonly ImageName[] =>
  IMAGE_NAMES.filter((name) => name !== "scaler" || config.scaling.fast);

/** The keys that set prebuilt images, for messages: `images.node.image, images.react.image`. */
export const imageKeys = (config: Pick<Config, "scaling">): string =>
  imageNames(config)
    .map((name) => `images.${name}.image`)
    .join(", ");

type QueryTag = typeof tagState;

/**
 * Explains a failure caused by a Docker engine on another machine, such as the one that `minikube docker-env` selects.
 * To that engine, localhost is its own machine, whereas the registry is queried from this machine.
 */
function explain(config: Config, state: TagState): TagState {
  const { dockerHost } = config.images;
  const { push } = config.registry;
  const isFar = dockerHost !== undefined && !/^(unix|npipe):/.test(dockerHost);
  if (state.state !== "unreachable" || !isFar || !isThisMachine(push)) return state;
  const port = /:(\d+)/.exec(push)?.[1] ?? "80";
  const why =
    `${state.reason}. The Docker engine is at ${dockerHost}, so its ${push} is not this machine's. Make the ` +
    `same registry reachable here (minikube: kubectl -n kube-system port-forward service/registry ${port}:80)`;
  return { state: "unreachable", reason: why };
}

/**
 * Hashes the build contexts and queries the registry for their tags; this is the only network access during the
 * synthesis.
 */
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
      inRegistry: explain(config, await queryTag(config.registry, repository, tag)),
    };
  };
  const found = imageNames(config).map(async (name) => [name, await resolve(name, config.images[name])] as const);
  return Object.fromEntries(await Promise.all(found)) as Record<ImageName, ResolvedImage>;
}
