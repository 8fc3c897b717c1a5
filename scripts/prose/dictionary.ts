import * as fs from "node:fs";
import { parse, stringify } from "yaml";

export interface Entry {
  /**
   * A regular expression that matches whole words, in upper or lower case. A space stands for any white space, `$` for
   * the end of the text.
   */
  readonly find: string;
  /** What to write instead. */
  readonly write: string;
  readonly why?: string;
  /** A sentence that it finds. */
  readonly bad: string;
  /** A sentence that it leaves alone. */
  readonly good: string;
}

export const entries = (file: string) => parse(fs.readFileSync(file, "utf8")) as Entry[];

/**
 * A word is whole if it is not a part of a path, a URL, a file name or an identifier. The letters are listed because
 * compiling \p{L} with the flags that prh sets takes longer than the rest of the check.
 */
const BEFORE = "(?<![\\wÀ-ÿ/.#@$%-])";
const AFTER = "(?![\\wÀ-ÿ/-]|[.:=]\\w|\\()";

/**
 * An entry's regular expression, without flags. A pattern that begins or ends with punctuation need not match a whole
 * word there.
 */
export function source({ find }: Entry): string {
  const before = /^[[(\wÀ-ÿ]/.test(find) && !find.startsWith("[.") && !find.startsWith("[;") ? BEFORE : "";
  const after = find.endsWith(" ") ? "" : AFTER;
  return `${before}(?:${find.replaceAll(" ", "\\s+").replaceAll("$", "(?![^])")})${after}`;
}

/** The entries as prh's rules: https://github.com/prh/prh */
export const prhRules = (list: readonly Entry[]): string =>
  stringify({ version: 1, rules: list.map((entry) => ({ expected: entry.write, pattern: `/${source(entry)}/i` })) });
