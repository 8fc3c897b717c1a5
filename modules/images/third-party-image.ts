import type { Config } from "../../config";
import { IMAGES, TOOL_IMAGES } from "../../catalog/versions";

const DEFAULTS = { ...IMAGES, ...TOOL_IMAGES };
export type ThirdPartyImage = keyof typeof DEFAULTS;

/** An image of others as nodes pull it: what the configuration names, else the pinned one, from the mirror if there is one. */
export function thirdPartyImage(config: Pick<Config, "images" | "load">, name: ThirdPartyImage): string {
  const named = name === "k6" ? config.load.image : config.images[name];
  if (named !== undefined) return named;
  const { mirror } = config.images;
  // a mirror keeps the path and stands for the host, as charts have it too
  return mirror === undefined ? DEFAULTS[name] : `${mirror}/${DEFAULTS[name].split("/").slice(1).join("/")}`;
}
