/** `npm run e2e [-- TIER]`: runs a tier of end-to-end tests on the configured cluster; by default `core`. */
import * as fs from "node:fs";
import * as path from "node:path";
import { PROJECT_ROOT } from "../../catalog/paths";
import { bold, Failure, say } from "../terminal/ui";

const DIR = path.join(PROJECT_ROOT, "test", "e2e");

/** Timeout of a tier: some wait for alerts, and 50 faults in a Sentinel group take more than two hours. */
const LIMIT_MS = 180 * 60_000;

/**
 * Names of the tiers. Each tier has its own file, and may have parts in separate files (`faults-ledger` is part of
 * `faults`).
 */
export const tiers = (): string[] =>
  fs
    .readdirSync(DIR)
    .filter((f) => f.endsWith(".e2e.ts"))
    .map((f) => f.replace(".e2e.ts", ""));

/** Runs a tier with all its parts, or a single part. */
export async function e2e(tier: string): Promise<number> {
  if (!tiers().includes(tier)) throw new Failure(`There is no tier ${tier}.`, `Tiers: ${tiers().join(", ")}`);
  const { execa } = await import("execa");
  const out = path.join(PROJECT_ROOT, ".state", `e2e-${tier}.json`);
  fs.mkdirSync(path.dirname(out), { recursive: true });
  fs.rmSync(out, { force: true });
  say(bold(`End-to-end test, tier ${tier}`));
  const jest = path.join(PROJECT_ROOT, "node_modules", "jest", "bin", "jest.js");
  const { exitCode } = await execa(
    process.execPath,
    [
      jest,
      "--config",
      "jest.e2e.config.js",
      "--runInBand",
      "--json",
      `--outputFile=${out}`,
      `/${tier}(-[a-z]+)?\\.e2e\\.ts$`,
    ],
    { cwd: PROJECT_ROOT, stdio: "inherit", reject: false, timeout: LIMIT_MS },
  );
  if (fs.existsSync(out)) {
    const r = JSON.parse(fs.readFileSync(out, "utf8")) as Record<string, number>;
    say(`\n${r["numPassedTests"]} passed, ${r["numFailedTests"]} failed, ${r["numPendingTests"]} skipped`);
  }
  return exitCode ?? 1;
}
