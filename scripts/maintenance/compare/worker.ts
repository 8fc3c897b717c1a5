/**
 * Runs main.ts of another checkout once per variant, in one process because compiling takes longer than running.
 * main.ts is the only file that has the same path in every commit.
 *
 * It takes the checkout and the result file as arguments, and the variants as JSON from standard input.
 */
import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Synthesized } from "./synthesize";
import type { Variant } from "./variants";

const LIMIT_MS = 60_000;
const [tree, result] = process.argv.slice(2) as [string, string];
const main = path.join(tree, "main.ts");
const out = process.env["CDKTF_OUTDIR"]!;
const env = { ...process.env };

/** main.ts exports nothing: it has finished when the manifest exists or an exit code is set. */
async function runMain(): Promise<string | undefined> {
  let errorText = "";
  console.error = (...parts: unknown[]) => void (errorText += parts.join(" "));
  process.exitCode = undefined;
  delete require.cache[main];
  // eslint-disable-next-line @typescript-eslint/no-require-imports, security/detect-non-literal-require -- in another checkout
  require(main);
  const manifest = path.join(out, "manifest.json");
  for (const end = Date.now() + LIMIT_MS; Date.now() < end; await sleep(5)) {
    if (process.exitCode !== undefined) return errorText;
    if (fs.existsSync(manifest)) return undefined;
  }
  throw new Error(`main.ts did not finish within ${LIMIT_MS / 1000} s`);
}

function readLayers(): Record<string, unknown> {
  const stacks = path.join(out, "stacks");
  return Object.fromEntries(
    fs.readdirSync(stacks).map((layer) => {
      const file = path.join(stacks, layer, "cdk.tf.json");
      return [layer, JSON.parse(fs.readFileSync(file, "utf8")) as unknown];
    }),
  );
}

async function run(): Promise<void> {
  const all: Synthesized = {};
  const list = JSON.parse(fs.readFileSync(0, "utf8")) as Variant[];
  for (const [i, variant] of list.entries()) {
    process.env = { ...env, ...variant.env };
    fs.rmSync(out, { recursive: true, force: true });
    const refused = await runMain();
    all[variant.name] = refused === undefined ? readLayers() : { refused };
    process.stderr.write(`  ${i + 1} of ${list.length}: ${variant.name}\n`);
  }
  fs.writeFileSync(result, JSON.stringify(all));
  process.exit(0);
}

void run();
