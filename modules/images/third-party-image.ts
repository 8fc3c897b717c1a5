import type { Config } from "../../config";
import { IMAGES, TOOL_IMAGES } from "../../catalog/versions";

const DEFAULTS = { ...IMAGES, ...TOOL_IMAGES };
export type ThirdPartyImage = keyof typeof DEFAULTS;

/**
 * The reference with which nodes pull a third-party image: the configured one or else the pinned one, from the mirror
 * if one is set.
 */
export function thirdPartyImage(config: Pick<Config, "images" | "load">, name: ThirdPartyImage): string {
  const named = name === "k6" ? config.load.image : config.images[name];
  if (named !== undefined) return named;
  const { mirror } = config.images;
  // a mirror replaces the host and keeps the path, as it does for charts
  return mirror === undefined ? DEFAULTS[name] : `${mirror}/${DEFAULTS[name].split("/").slice(1).join("/")}`;
}
