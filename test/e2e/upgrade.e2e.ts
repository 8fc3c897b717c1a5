/**
 * Tier `upgrade`: a newer checkout upgrades a running system under load, with another Redis image, another version of
 * the monitoring chart and other provider settings; then the older checkout rolls it back. E2E_REDIS_IMAGE names the
 * other Redis image, and E2E_DURABILITY the mode (`ha` needs three nodes).
 */
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { CHARTS, IMAGES } from "../../catalog/versions";
import { missing } from "../helpers/ledger-writer";
import { effectOf, type Effect } from "./helpers/effect";
import { heldBy, removeLedger, startLedger } from "./helpers/ledger";
import { allowLoadToApi, removeLoad } from "./helpers/load";
import { removeAfterFailure, step } from "./helpers/steps";
import {
  app,
  command,
  expectAsBefore,
  expectNoDeployment,
  inventory,
  kube,
  npmRunWith,
  projectPath,
  redisPodNames,
  STATE_DIR,
  type Outcome,
} from "./helpers/system";

const durability = process.env["E2E_DURABILITY"] ?? "safe";
const settings = {
  IAC_REDIS_DURABILITY: durability,
  // both checkouts share the states
  IAC_STATE_DIR: projectPath(STATE_DIR),
};
/**
 * Longest accepted time without an acknowledged write while main is recreated, in seconds. Most of that time passes
 * before the network policies apply to the new pod.
 */
const MAX_OUTAGE = 60;
const chart = CHARTS.kubePrometheusStack;
const NEWER = chart.version.replace(/\d+$/, (patch) => String(Number(patch) + 1));

const work = fs.mkdtempSync(path.join(os.tmpdir(), "e2e-upgrade-"));
const newer = path.join(work, "newer");
let before: string[];
let ledger: Awaited<ReturnType<typeof startLedger>>;
const cost: Record<string, Effect> = {};

removeAfterFailure(settings);
afterAll(async () => {
  await removeLoad();
  await removeLedger();
  fs.rmSync(work, { recursive: true, force: true });
});

/** Creates a newer checkout: a copy of this one with other versions, and a folder with the matching charts. */
function checkout(redisImage: string): void {
  const tracked = execFileSync("git", ["ls-files", "-z"], { cwd: projectPath() })
    .toString()
    .split("\0")
    .filter(Boolean);
  for (const file of tracked.filter((f) => fs.existsSync(projectPath(f)))) {
    fs.mkdirSync(path.dirname(path.join(newer, file)), { recursive: true });
    // a lock file newer than node_modules would trigger `npm ci` during the test
    fs.cpSync(projectPath(file), path.join(newer, file), { preserveTimestamps: true });
  }
  for (const folder of ["node_modules", "images/node/node_modules", "images/react/node_modules"])
    if (fs.existsSync(projectPath(folder))) fs.symlinkSync(projectPath(folder), path.join(newer, folder));
  const versions = path.join(newer, "catalog", "versions.ts");
  const text = fs.readFileSync(versions, "utf8");
  const changed = text.replace(IMAGES.redis, redisImage).replace(`"${chart.version}"`, `"${NEWER}"`);
  expect(changed).toContain(redisImage);
  expect(changed).toContain(NEWER);
  fs.writeFileSync(versions, changed);

  const charts = process.env["IAC_CHARTS_DIR"];
  if (!charts)
    throw new Error(
      "IAC_CHARTS_DIR must name a folder of chart archives: the test repacks one of them with a higher version",
    );
  const folder = path.join(work, "charts");
  fs.cpSync(charts, folder, { recursive: true });
  const unpacked = path.join(work, "unpacked");
  fs.mkdirSync(unpacked);
  execFileSync("tar", ["xzf", path.join(folder, `${chart.name}-${chart.version}.tgz`), "-C", unpacked]);
  const about = path.join(unpacked, chart.name, "Chart.yaml");
  fs.writeFileSync(about, fs.readFileSync(about, "utf8").replace(`version: ${chart.version}`, `version: ${NEWER}`));
  execFileSync("tar", ["czf", path.join(folder, `${chart.name}-${NEWER}.tgz`), "-C", unpacked, chart.name]);
}

/** `npm run NAME` in the newer checkout. */
const newerRun = (name: string, env: Readonly<Record<string, string>> = {}): Promise<Outcome> =>
  command("npm", ["run", "-s", name], {
    cwd: newer,
    env: { ...settings, IAC_CHARTS_DIR: path.join(work, "charts"), ...env },
  });

/** Measures {@link effectOf} the change, and keeps the result for the summary. */
async function underLoad(name: string, change: () => Promise<Outcome>): Promise<Effect> {
  const effect = await effectOf(name, ledger, change);
  cost[name] = effect;
  return effect;
}

step("the older checkout is deployed, and contains data", async () => {
  const image = process.env["E2E_REDIS_IMAGE"];
  if (!image || image === IMAGES.redis) throw new Error("E2E_REDIS_IMAGE must name another Redis image");
  await expectNoDeployment();
  before = await inventory();
  expect((await npmRunWith(settings, "up")).code).toBe(0);
  await allowLoadToApi();
  checkout(image);
  ledger = await startLedger({ writers: 4, pauseMs: 50 });
});

step("other provider settings change nothing", async () => {
  const copy = path.join(work, "kubeconfig");
  fs.copyFileSync(process.env["KUBECONFIG"] ?? path.join(os.homedir(), ".kube", "config"), copy);
  const { gap, failed } = await underLoad("provider", () => npmRunWith({ ...settings, KUBECONFIG: copy }, "up"));
  expect(gap).toBeLessThan(2);
  expect(failed).toBe(0);
});

step("another version of the chart has no effect on callers", async () => {
  const { gap, failed } = await underLoad("chart", () => newerRun("up", { IAC_IMAGES_REDIS: IMAGES.redis }));
  expect(gap).toBeLessThan(2);
  expect(failed).toBe(0);
  const release = await kube.list("secrets", "-n", "monitoring", "-l", "owner=helm,name=kube-prometheus-stack");
  expect(release.length).toBeGreaterThan(1);
});

step("with another Redis image, no reads fail, and the write outage stays within the mode's limit", async () => {
  const { gap, failed } = await underLoad("redis", () => newerRun("up"));
  if (durability === "ha") expect(failed).toBe(0);
  expect(gap).toBeLessThan(durability === "ha" ? 10 : MAX_OUTAGE);
  const images = (await kube.list("pods", "-n", app))
    .flatMap((p) => p.spec!["containers"] as { name: string; image: string }[])
    .filter((c) => c.name === "redis")
    .map((c) => c.image);
  expect(new Set(images)).toEqual(new Set([process.env["E2E_REDIS_IMAGE"]]));
  expect((await newerRun("diff")).code).toBe(0);
});

step("the older checkout rolls the system back with the same command", async () => {
  const { gap, failed } = await underLoad("back", () => npmRunWith(settings, "up"));
  if (durability === "ha") expect(failed).toBe(0);
  expect(gap).toBeLessThan(durability === "ha" ? 10 : MAX_OUTAGE);
  expect((await npmRunWith(settings, "diff")).code).toBe(0);
});

step("every acknowledged write is on main and on every replica", async () => {
  const { kept } = await ledger.stop();
  for (const pod of await redisPodNames()) expect([pod, missing(kept, await heldBy(pod))]).toEqual([pod, []]);
  console.log(`${kept.size} writes acknowledged;`, JSON.stringify(cost, null, 1));
  expect(kept.size).toBeGreaterThan(2000);
});

step("everything is removed", async () => {
  await removeLedger();
  expect((await npmRunWith(settings, "down", "--yes")).code).toBe(0);
  await expectAsBefore(before);
});
