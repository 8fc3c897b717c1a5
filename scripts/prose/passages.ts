import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { kindOf, proseFiles } from "./files";
import code from "./plugin";

/** A paragraph, a list item, a table row, a comment or a message. */
export interface ReadablePassage {
  readonly file: string;
  readonly line: number;
  /** On one line, without comment markers. */
  readonly text: string;
}

/** Shorter passages, such as labels and names of tests, say little about the language. */
const MIN_WORDS = 8;

const words = (text: string): number => text.match(/\p{L}[\p{L}'’-]*/gu)?.length ?? 0;

/** Paragraphs, list items, table rows and headings of Markdown or Typst; code blocks are left out. */
export function paragraphs(source: string): Omit<ReadablePassage, "file">[] {
  const found: { line: number; text: string }[] = [];
  let open: { line: number; text: string } | undefined;
  let fenced = false;
  source.split("\n").forEach((text, index) => {
    const fence = /^\s*```/.test(text);
    if (fence) fenced = !fenced;
    if (fence || fenced || text.trim() === "" || text.startsWith("<!--")) {
      open = undefined;
      return;
    }
    if (!open || /^(\s*([-*+]|\d+\.)\s|\||#)/.test(text)) found.push((open = { line: index + 1, text: "" }));
    open.text += ` ${text}`;
  });
  return found;
}

/** Comments and messages of code. */
function comments(extension: string, source: string): Omit<ReadablePassage, "file">[] {
  const { text, ast } = new code.Processor().processor(extension).preProcess(source);
  // the reader sees U+FFFC in place of code; positions in the text are those in the source
  const original = text.replace(/\uFFFC+/g, (blank, at: number) => source.slice(at, at + blank.length));
  return ast.children.map(({ loc, range }) => ({ line: loc.start.line, text: original.slice(...range) }));
}

/** The sources of the French report, which the check leaves out. */
function report(root: string): string[] {
  const args = ["ls-files", "-z", "--", "docs/rapport/*.typ"];
  return execFileSync("git", args, { cwd: root, encoding: "utf8" }).split("\0").filter(Boolean);
}

/** Every passage of at least eight words in the repository, ordered by file and line. */
export function passages(root: string): ReadablePassage[] {
  return [...proseFiles(root, []), ...report(root)].sort().flatMap((file) => {
    const source = fs.readFileSync(path.join(root, file), "utf8");
    const kind = file.endsWith(".typ") ? ".md" : kindOf(file, () => source);
    if (!kind) return [];
    return (kind === ".md" ? paragraphs(source) : comments(kind, source))
      .map(({ line, text }) => ({ file, line, text: text.replace(/\s+/g, " ").trim() }))
      .filter(({ text }) => words(text) >= MIN_WORDS);
  });
}
