/**
 * Draws passages at random, for a reader who judges the language of the whole repository by a sample:
 *
 *     node --import tsx scripts/prose/draw.ts SEED [COUNT]
 *
 * Without a count it prints all passages. The same seed draws the same passages; an edit elsewhere hardly changes them,
 * because each passage is ranked by its own hash.
 */
import { createHash } from "node:crypto";
import { passages } from "./passages";

const [seed, count = "all"] = process.argv.slice(2);
if (seed === undefined || !/^(all|[1-9]\d*)$/.test(count))
  throw new Error("usage: node --import tsx scripts/prose/draw.ts SEED [COUNT]");

const all = passages(process.cwd());
const rank = ({ file, text }: { file: string; text: string }) =>
  createHash("sha256").update(`${seed}\n${file}\n${text}`).digest("hex");
const drawn =
  count === "all"
    ? all
    : all
        .map((passage) => ({ passage, rank: rank(passage) }))
        .sort((a, b) => (a.rank < b.rank ? -1 : 1))
        .slice(0, Number(count))
        .map(({ passage }) => passage);
for (const { file, line, text } of drawn) console.log(`${file}:${line}\t${text}`);
