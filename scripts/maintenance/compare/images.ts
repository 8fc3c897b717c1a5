/**
 * Images are tagged with the hash of their sources, which is also part of names in layer `images`. The tags are removed
 * before the comparison, so that a changed tag appears as one difference instead of ten.
 */

const IMAGE = /images\/(node|react|scaler)\/image-([0-9a-f]{16})/g;
/** Resources of an image; the eight digits are cdktf's hash of the construct's path. */
const RESOURCE = /(image|pushed|first-sight)-([0-9a-f]{16})(_[0-9A-F]{8})?/g;

export interface WithoutTags {
  /** The layers, with `TAG` in place of the tags. */
  readonly layers: Record<string, unknown>;
  /** Tag of each image that is built. */
  readonly tags: Readonly<Record<string, string>>;
}

export function withoutImageTags(layers: Record<string, unknown>): WithoutTags {
  let text = JSON.stringify(layers);
  const tags: Record<string, string> = {};
  for (const [, name, tag] of text.matchAll(IMAGE)) tags[name!] = tag!;
  text = text.replace(RESOURCE, (_, resource: string, _tag, id?: string) => `${resource}-TAG${id ? "_ID" : ""}`);
  for (const tag of Object.values(tags)) text = text.replaceAll(tag, "TAG");
  return { layers: JSON.parse(text) as Record<string, unknown>, tags };
}
