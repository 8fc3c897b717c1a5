import type { Passage, Range } from "./passage";

/** Comment markers at the start of a line, and the end of a block comment. */
const MARKS = /^[ \t]*(?:\/\/+|#+|\/\*+|\*+(?!\/))|\*+\/$/gm;

/** Comments on consecutive lines become one passage, so that a phrase is found across the line break. */
export function commentPassages(source: string, comments: readonly Range[]): Passage[] {
  const passages: Passage[] = [];
  for (const [start, end] of comments) {
    const gaps = [...source.slice(start, end).matchAll(MARKS)].map((m): Range => [
      start + m.index,
      start + m.index + m[0].length,
    ]);
    const last = passages.at(-1);
    if (last && /^[ \t]*\n[ \t]*$/.test(source.slice(last.end, start)) && !ownLine(source, last.start, start))
      passages[passages.length - 1] = { start: last.start, end, gaps: [...last.gaps, ...gaps] };
    else passages.push({ start, end, gaps });
  }
  return passages;
}

/** A comment after code does not continue on the next line. */
function ownLine(source: string, first: number, second: number): boolean {
  const column = (at: number) => at - (source.lastIndexOf("\n", at - 1) + 1);
  return column(first) !== column(second);
}
