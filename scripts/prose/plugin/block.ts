import { commentPassages } from "./comments";
import type { Range, Reader } from "./passage";

/** Comments in CSS. */
export const block: Reader = (source) =>
  commentPassages(
    source,
    [...source.matchAll(/\/\*[^]*?\*\//g)].map((m): Range => [m.index, m.index + m[0].length]),
  );
