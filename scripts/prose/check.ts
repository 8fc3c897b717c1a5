/**
 * Finds unidiomatic English in pages, comments and messages with dictionary.yaml, and unidiomatic French in the page's
 * texts with french.yaml:
 *
 *     node --import tsx scripts/prose/check.ts [FILE or FOLDER…]
 *
 * textlint finds the prose, and prh matches it. textlint-rule-terminology was tried too: it drops the word boundaries
 * of a pattern with a lookahead, so that `gone(?! wild)` finds "bygone", and it always adds its own punctuation rules.
 * prh uses patterns as written.
 */
import * as fs from "node:fs";
import * as path from "node:path";
import { TextlintKernel } from "@textlint/kernel";
import markdown from "@textlint/textlint-plugin-markdown";
import prh from "textlint-rule-prh";
import { entries, prhRules } from "./dictionary";
import { isFrench, kindOf, proseFiles } from "./files";
import code from "./plugin";

const root = process.cwd();
const list = (name: string) => {
  const found = entries(path.join(import.meta.dirname, name));
  return { rules: prhRules(found), why: new Map(found.map(({ write, why }) => [write, why])) };
};
const english = list("dictionary.yaml");
const french = list("french.yaml");

/** A CommonJS module is imported as its exports object, which contains a `default`. */
const unwrapped = (module: unknown) => ((module as { default?: unknown }).default ?? module) as never;
const plugins = [
  { pluginId: "markdown", plugin: unwrapped(markdown) },
  { pluginId: "code", plugin: code as never },
];
const kernel = new TextlintKernel();

/** One line for each hit: the location, the text, and what to write instead. */
async function check(file: string): Promise<string[]> {
  const source = fs.readFileSync(path.join(root, file), "utf8");
  const ext = kindOf(file, () => source);
  if (!ext) return [];
  const { rules, why } = isFrench(file) ? french : english;
  const options = { ruleContents: [rules], checkLink: true, checkBlockQuote: true, checkEmphasis: true };
  const { messages } = await kernel.lintText(source, {
    ext,
    filePath: file,
    plugins,
    rules: [{ ruleId: "prh", rule: unwrapped(prh), options }],
  });
  return messages.map(({ line, column, fix, message }) => {
    if (!fix) return `${file}:${line}:${column}  ${message}`;
    const words = source.slice(...fix.range).replace(/\s+/g, " ");
    const reason = why.get(fix.text);
    return `${file}:${line}:${column}  "${words}" → ${fix.text}${reason ? ` – ${reason}` : ""}`;
  });
}

const hits: string[] = [];
const below = process.argv.slice(2);
const files = proseFiles(root, below);
if (files.length === 0) throw new Error(`no file to check in ${below.join(", ") || root}: is the path right?`);
for (const file of files) hits.push(...(await check(file)));
if (hits.length) {
  console.log(hits.join("\n"));
  console.log(`\n${hits.length} to rewrite, as shown after each arrow. If a hit is correct English, its entry in`);
  console.log("scripts/prose/dictionary.yaml is too broad: narrow its pattern, and add the sentence as its `good`.");
}
process.exitCode = hits.length ? 1 : 0;
