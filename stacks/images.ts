import * as path from "node:path";
import type { Construct } from "constructs";
import { DockerProvider } from "@cdktf/provider-docker/lib/provider";
import { BuiltImage } from "../modules/built-image";
import { PROJECT_ROOT } from "../catalog/paths";
import type { Config, ImageConfig } from "../config";
import { contextHash } from "../modules/context-hash";
import { splitAddress, tagState, type TagState } from "../modules/registry";
import { PART_OF } from "../catalog/names";
import { Layer } from "./layer";

export const IMAGE_NAMES = ["node", "react"] as const;
export type ImageName = (typeof IMAGE_NAMES)[number];

/** One image of ours, resolved: prebuilt, or a tag and what the registry says about it. */
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

type Ask = typeof tagState;

/** Hashes the contexts and asks the registry for their tags. The only look outside at synth. */
export async function resolveImages(config: Config, ask: Ask = tagState): Promise<ResolvedImages> {
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
      inRegistry: await ask(config.registry, repository, tag),
    };
  };
  const [node, react] = await Promise.all([resolve("node", config.images.node), resolve("react", config.images.react)]);
  return { node, react };
}

/** Layer `images`: the Node API and the React front, in the registry, by digest. */
export class ImagesLayer extends Layer {
  constructor(scope: Construct, config: Config, images: ResolvedImages) {
    super(scope, "images", config);
    const { registry } = config;
    if (IMAGE_NAMES.some((name) => images[name].kind === "built")) {
      const scheme = registry.insecure ? "http" : "https";
      const address = `${scheme}://${splitAddress(registry.push).host}`;
      new DockerProvider(this, "docker", {
        ...(config.images.dockerHost ? { host: config.images.dockerHost } : {}),
        // with every tag in the registry there is nothing for an engine to do
        disableDockerDaemonCheck: true,
        registryAuth: [
          registry.auth === "none" ? { address, authDisabled: true } : { address, configFile: registry.dockerConfig },
        ],
      });
      this.pinProvider("kreuzwerker/docker");
    }
    for (const name of IMAGE_NAMES) {
      const image = images[name];
      const reference =
        image.kind === "prebuilt"
          ? image.reference
          : new BuiltImage(this, name, { ...image, platform: config.images.platform, registry }).reference;
      this.output(`${name}_image`, reference, `image of ${name}, as nodes pull it`);
    }
  }
}
