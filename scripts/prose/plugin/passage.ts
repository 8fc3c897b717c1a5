/** A run of prose within a file that is not prose: a comment, or a part of a string literal. */
export interface Passage {
  readonly start: number;
  readonly end: number;
  /** Ranges inside that are not prose: a comment's `//` or `*`, the `" + "` between two parts of one message. */
  readonly gaps: readonly Range[];
}
export type Range = readonly [start: number, end: number];

/** Finds the passages of a source text, in order and without overlap. */
export type Reader = (source: string) => Passage[];

/** Matches two consecutive words, or one with a capital letter. `kubectl` and `my-key` are values, not messages. */
export const isProse = (text: string): boolean =>
  /[\p{L}'’]{2,}[.,:;!?…)]* +[(“"'«]*\p{L}/u.test(text) || /^\P{L}*\p{Lu}\p{Ll}+\P{L}*$/u.test(text);
