import type { Passage } from "./passage";

/** Replaces code within prose. It is not a space, because a pattern must not match across code. */
const CODE = "\uFFFC";

const fill = (text: string, filler: string) => text.replace(/[^\n]/g, filler);

/**
 * The source with everything except prose blanked. Length and line breaks are kept, so a position in the result is the
 * position in the source.
 */
export function mask(source: string, passages: readonly Passage[]): string {
  let masked = "";
  let at = 0;
  for (const { start, end, gaps } of passages) {
    masked += fill(source.slice(at, start), " ");
    let prose = "";
    let from = start;
    for (const [gapStart, gapEnd] of gaps) {
      prose += source.slice(from, gapStart) + fill(source.slice(gapStart, gapEnd), " ");
      from = gapEnd;
    }
    masked += withoutCode(prose + source.slice(from, end));
    at = end;
  }
  return masked + fill(source.slice(at), " ");
}

const withoutCode = (prose: string) =>
  prose
    .replace(/\\[nrt]/g, "  ")
    .replace(/\\(?=[^\n])/g, " ")
    .replace(/`[^`]+`|https?:\/\/\S+|\{@\w+[^}]*\}|@\w+/g, (code) => fill(code, CODE));
