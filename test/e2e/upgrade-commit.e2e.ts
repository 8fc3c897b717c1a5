/**
 * Part `upgrade-commit` of tier `upgrade`: under load, this checkout takes over a system that an older commit deployed.
 * E2E_FROM names that commit (default: the previous one), and E2E_DURABILITY the mode (`ha` needs three nodes).
 */
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { missing } from "../helpers/ledger-writer";
import { effectOf } from "./helpers/effect";
import { heldBy, removeLedger, startLedger } from "./helpers/ledger";
import { allowLoadToApi, removeLoad } from "./helpers/load";
import { removeAfterFailure, step } from "./helpers/steps";
import {
  command,
  expectAsBefore,
  expectNoDeployment,
  inventory,
  npmRunWith,
  projectPath,
  redisPodNames,
  STATE_DIR,
} from "./helpers/system";

const durability = process.env["E2E_DURABILITY"] ?? "safe";
const from = process.env["E2E_FROM"] ?? "HEAD~1";
const settings = {
  IAC_REDIS_DURABILITY: durability,
  // both checkouts share the states
  IAC_STATE_DIR: projectPath(STATE_DIR),
};
/** Longest accepted time without an acknowledged write, in seconds, as docs/upgrade.md states it. */
const MAX_OUTAGE = durability === "ha" ? 10 : 60;

const older = fs.mkdtempSync(path.join(os.tmpdir(), "e2e-older-"));
let before: string[];
let ledger: Awaited<ReturnType<typeof startLedger>>;

removeAfterFailure(settings);
afterAll(async () => {
  await removeLoad();
  await removeLedger();
  fs.rmSync(older, { recursive: true, force: true });
});

step("the older commit is deployed, and contains data", async () => {
  await expectNoDeployment();
  before = await inventory();
  const archive = execFileSync("git", ["archive", from], { cwd: projectPath(), maxBuffer: 1 << 30 });
  execFileSync("tar", ["x", "-C", older], { input: archive });
  // installs its own dependencies
  expect((await command("npm", ["run", "-s", "up"], { cwd: older, env: settings })).code).toBe(0);
  await allowLoadToApi();
  ledger = await startLedger({ writers: 4, pauseMs: 50 });
});

step("this checkout upgrades it: no reads fail, and the write outage stays within the mode's limit", async () => {
  const { gap, failed } = await effectOf(`${durability}, from ${from}`, ledger, () => npmRunWith(settings, "up"));
  if (durability === "ha") expect(failed).toBe(0);
  expect(gap).toBeLessThan(MAX_OUTAGE);
});

step("nothing is left to change", async () => {
  expect((await npmRunWith(settings, "diff")).code).toBe(0);
});

step("every acknowledged write is on main and on every replica", async () => {
  const { kept } = await ledger.stop();
  for (const pod of await redisPodNames()) expect([pod, missing(kept, await heldBy(pod))]).toEqual([pod, []]);
  console.log(`${kept.size} writes acknowledged, none missing`);
  expect(kept.size).toBeGreaterThan(1000);
});

step("everything is removed", async () => {
  await removeLedger();
  expect((await npmRunWith(settings, "down", "--yes")).code).toBe(0);
  await expectAsBefore(before);
});
