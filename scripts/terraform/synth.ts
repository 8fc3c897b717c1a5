/** Synthesizes the layers in this process, into the same folder as cdktf's own commands. */
import * as fs from "node:fs";
import * as path from "node:path";
import type { Config } from "../../config";
import { buildApp } from "../../stacks";
import { imageKeys, resolveImages, type ResolvedImages } from "../../modules/images/resolve";
import { LAYERS } from "../../stacks/outputs";
import type { Stack } from "./render-manifests";
import { OUT_DIR } from "./terraform";
import { Failure } from "../terminal/ui";

/** Reads the synthesized layers. */
export const readStacks = (): Record<string, Stack> =>
  Object.fromEntries(
    LAYERS.map((layer) => [
      layer,
      JSON.parse(fs.readFileSync(path.join(OUT_DIR, "stacks", layer, "cdk.tf.json"), "utf8")) as Stack,
    ]),
  );

/** Writes cdktf.out. @throws Failure if the image registry is unreachable, unless `tolerant` */
export async function synth(config: Config, options: { tolerant?: boolean } = {}): Promise<ResolvedImages> {
  const images = await resolveImages(config);
  for (const image of Object.values(images)) {
    if (image.kind === "built" && image.inRegistry.state === "unreachable" && !options.tolerant) {
      throw new Failure(
        `The image registry cannot be reached: ${image.inRegistry.reason}`,
        `Start it, or correct registry.push and registry.auth in config.yaml. Or use prebuilt images: set ${imageKeys(config)}.`,
      );
    }
  }
  try {
    buildApp(config, images, { outdir: OUT_DIR }).synth();
  } catch (error) {
    // constructs reject invalid input with messages meant for users
    throw new Failure((error as Error).message);
  }
  return images;
}
