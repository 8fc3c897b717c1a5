import { commentPassages } from "./comments";
import type { Range, Reader } from "./passage";

/** Comments from `#` to the end of the line: Dockerfiles, nginx, awk, ignore files. */
export const hash: Reader = (source) =>
  commentPassages(
    source,
    [...source.matchAll(/(?<=^|[ \t])#(?!!).*$/gm)].map((m): Range => [m.index, m.index + m[0].length]),
  );
