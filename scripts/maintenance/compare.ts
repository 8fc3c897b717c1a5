/**
 * `npm run compare`: shows what a commit changes in the synthesized layers, in every profile, durability and engine.
 *
 * Both commits are synthesized at the same path, because the result contains paths. A refactoring must show no
 * difference; for any other change, the output lists what changes on a running system.
 */
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { PROJECT_ROOT } from "../../catalog/paths";
import { differences, type Difference, type Kind } from "./compare/differences";
import { commit, unpack, workingTree } from "./compare/git";
import { emptyRegistry, synthesizeAll, type Synthesized } from "./compare/synthesize";
import { withoutImageTags, type WithoutTags } from "./compare/images";
import { variants } from "./compare/variants";

/** A change below this path replaces pods. */
const TEMPLATE = ".spec.template.";

export interface CompareOptions {
  /** Commit before the change. */
  readonly base: string;
  /** Commit that contains the change; `HEAD` includes uncommitted changes. */
  readonly head: string;
  /** Also list image tags and checksums. */
  readonly all?: boolean;
}

/** Prints the differences; returns 2 if anything other than images, checksums, comments and texts differs. */
export async function compare(options: CompareOptions, print: (line: string) => void = console.log): Promise<number> {
  const base = commit(options.base);
  const head = options.head === "HEAD" ? workingTree() : commit(options.head);
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-compare-"));
  const tree = path.join(dir, "tree");
  try {
    const [before, after] = await emptyRegistry(async (registry) => [
      await synthesizeCommit(base, tree, registry),
      await synthesizeCommit(head, tree, registry),
    ]);
    assertComparable(before, after, print);
    return report(before, after, options.all ?? false, print);
  } finally {
    fs.rmSync(dir, { recursive: true, force: true });
  }
}

/** For a rejected variant, only the error message is compared. @throws if nothing was synthesized */
function assertComparable(before: Synthesized, after: Synthesized, print: (line: string) => void): void {
  const refused = Object.keys(after).filter((name) => "refused" in after[name]! || "refused" in (before[name] ?? {}));
  if (refused.length === Object.keys(after).length)
    throw new Error(`no variant can be synthesized: ${String(Object.values(after)[0]?.["refused"])}`);
  for (const name of refused) print(`refused, so only the message is compared: ${name}`);
}

async function synthesizeCommit(hash: string, tree: string, registry: string): Promise<Synthesized> {
  fs.rmSync(tree, { recursive: true, force: true });
  fs.mkdirSync(tree);
  unpack(hash, tree);
  fs.symlinkSync(path.join(PROJECT_ROOT, "node_modules"), path.join(tree, "node_modules"));
  process.stderr.write(`${hash.slice(0, 9)}\n`);
  return synthesizeAll(tree, registry, variants(tree));
}

function report(before: Synthesized, after: Synthesized, all: boolean, print: (line: string) => void): number {
  const found = new Map<string, { difference: Difference; in: string[] }>();
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  for (const name of names) {
    const [a, b] = [withoutImageTags(before[name] ?? {}), withoutImageTags(after[name] ?? {})];
    for (const difference of [...tagDifferences(a, b), ...differences(a.layers, b.layers)]) {
      const key = JSON.stringify(difference);
      const entry = found.get(key) ?? { difference, in: [] };
      entry.in.push(name);
      found.set(key, entry);
    }
  }
  const total = names.size;
  const counts = new Map<Kind, number>();
  const rolled = new Map<string, Set<string>>();
  for (const { difference, in: where } of found.values()) {
    counts.set(difference.kind, (counts.get(difference.kind) ?? 0) + 1);
    const [workload, rest] = difference.path.split(TEMPLATE);
    if (rest) rolled.set(workload!, (rolled.get(workload!) ?? new Set()).add(rest));
    if (!all && ["image tag", "checksum"].includes(difference.kind)) continue;
    print(`${difference.kind}: ${difference.path} (${where.length === total ? "all" : where.join("; ")})`);
    for (const line of lines(difference)) print(`    ${line}`);
  }
  print("");
  for (const [workload, why] of rolled) print(`rolls: ${workload}: ${[...why].join(", ")}`);
  print(
    found.size === 0
      ? `No difference in ${total} variants.`
      : `${total} variants: ${[...counts].map(([kind, n]) => `${kind} ${n}`).join(", ")}.`,
  );
  return counts.has("other") ? 2 : 0;
}

function tagDifferences({ tags: before }: WithoutTags, { tags: after }: WithoutTags): Difference[] {
  return Object.keys({ ...before, ...after })
    .filter((name) => before[name] !== after[name])
    .map((name) => ({ path: `image of ${name}`, kind: "image tag", before: before[name], after: after[name] }));
}

/** The differing lines of a text. */
function lines({ before, after }: Difference): string[] {
  const [a, b] = [(before ?? "").split("\n"), (after ?? "").split("\n")];
  return [
    ...a.filter((line) => !b.includes(line)).map((line) => `- ${line}`),
    ...b.filter((line) => !a.includes(line)).map((line) => `+ ${line}`),
  ];
}
