/**
 * Counts the acknowledged writes that a Sentinel group loses during 60 random faults. Needs root, iproute2 and Redis
 * 7.2; LEDGER_SEED and LEDGER_FAULTS change the run.
 */
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { HELD, LONGEST_GAP, missing, parseKept, WRITER } from "../test/helpers/ledger-writer";
import { random } from "../test/helpers/random";
import { row, rowsTable } from "../test/helpers/publish";
import { bundleApi, pause, publish } from "./lib";
import { MEMBERS, Pods, POOL, requirements, type Member } from "./ledger/pods";

const seed = Number(process.env["LEDGER_SEED"] ?? Math.floor(Math.random() * 1e9));
const faults = Number(process.env["LEDGER_FAULTS"] ?? 60);
const PORTS = [3100, 3101];
const WRITERS = 4;
/**
 * Time limit for recovery from a fault, in seconds: by then, writes must have resumed and the group must be healthy
 * again.
 */
const LIMIT_SECONDS = 90;

const draw = random(seed);
const between = (low: number, high: number) => low + draw() * (high - low);
const one = <T>(of: readonly T[]): T => of[Math.floor(draw() * of.length)]!;

const KINDS: Readonly<Record<string, (pods: Pods, i: Member, ms: number) => Promise<void>>> = {
  "process killed": async (pods, i) => pods.signal(i, "redis", "SIGKILL"),
  "pod stopped": async (pods, i, ms) => {
    for (const part of ["redis", "sentinel"] as const) pods.signal(i, part, "SIGSTOP");
    await pause(ms);
    for (const part of ["redis", "sentinel"] as const) pods.signal(i, part, "SIGCONT");
  },
  "link cut": async (pods, i, ms) => {
    pods.link(i, "down");
    await pause(ms);
    pods.link(i, "up");
  },
  "pod lost": (pods, i, ms) => pods.away(i, ms, "kept"),
  "pod and volume lost": (pods, i, ms) => pods.away(i, ms, "lost"),
  "Sentinel killed": async (pods, i) => pods.signal(i, "sentinel", "SIGKILL"),
  "handed over": async (pods, i) => {
    await pods.handOver(i);
    pods.signal(i, "redis", "SIGTERM");
  },
};

requirements();
console.log(`seed ${seed}, ${faults} faults`);
const pods = new Pods();
const outages: { kind: string; main: boolean; seconds: number; gap: number }[] = [];
try {
  await pods.start();
  const api = await bundleApi();
  const writers = PORTS.map((port) => {
    pods.outside(process.execPath, [api], {
      PORT: String(port),
      REDIS_SENTINELS: POOL.map((address) => `${address}:26379`).join(","),
      REDIS_COMMIT_COPIES: "1",
      REDIS_USER: "api-commit",
      REDIS_PASSWORD_FILE: pods.passwordFile("api-write"),
    });
    const folder = path.join(pods.dir, String(port));
    fs.mkdirSync(folder);
    const writer = pods.outside(
      process.execPath,
      ["-e", WRITER.replaceAll("ledger-", `ledger-${port}-`), String(WRITERS), "0", folder],
      {
        TARGET: `http://127.0.0.1:${port}/item`,
      },
    );
    return { folder, writer };
  });
  const kept = () =>
    new Map(writers.flatMap(({ folder }) => [...parseKept(fs.readFileSync(path.join(folder, "kept"), "utf8"))]));
  const longestGap = (from: number) => {
    const files = writers.map(({ folder }) => path.join(folder, "kept"));
    return Number(execFileSync(process.execPath, ["-e", LONGEST_GAP, String(from), ...files])) / 1000;
  };
  const size = () => writers.reduce((sum, { folder }) => sum + fs.statSync(path.join(folder, "kept")).size, 0);
  const waitForWrites = () => {
    const before = size();
    return pods.until("writes to continue", LIMIT_SECONDS, () => size() > before + 1000);
  };
  await pods.until("the first writes", 30, () =>
    writers.every(({ folder }) => fs.existsSync(path.join(folder, "kept"))),
  );
  await waitForWrites();

  for (let n = 1; n <= faults; n++) {
    await pause(between(500, 2500));
    const [main = 0] = pods.mains;
    const target = draw() < 0.7 ? main : one(MEMBERS);
    const kind = one(Object.keys(KINDS));
    const ms = between(500, 7000);
    const at = Date.now();
    await KINDS[kind]!(pods, target, ms);
    await pods.healthy(LIMIT_SECONDS);
    await waitForWrites();
    const gap = longestGap(at);
    outages.push({ kind, main: target === main, seconds: ms / 1000, gap });
    console.log(
      `${n}: ${kind}, ${target === main ? "main" : "another member"} ${target}, ${(ms / 1000).toFixed(1)} s: ${gap.toFixed(1)} s without an acknowledged write`,
    );
  }
  for (const { writer } of writers) writer.kill("SIGUSR2");
  await pods.until("the last responses", 30, () =>
    writers.every(({ folder }) => fs.existsSync(path.join(folder, "failed"))),
  );
  await pods.healthy(LIMIT_SECONDS);
  const all = kept();
  const failed = writers.reduce(
    (sum, { folder }) => sum + Number(fs.readFileSync(path.join(folder, "failed"), "utf8")),
    0,
  );
  const refusals = pods.refusals();
  if (refusals.length > 0) throw new Error(`Redis refused commands that a workload needs:\n${refusals.join("\n")}`);
  const lost = MEMBERS.map((i) => missing(all, pods.redisCli(i, "EVAL_RO", HELD, "0")));
  const gaps = outages
    .filter((o) => o.main && o.kind !== "Sentinel killed")
    .map((o) => o.gap)
    .sort((a, b) => a - b);
  const median = gaps[Math.floor(gaps.length / 2)] ?? 0;
  for (const [i, keys] of lost.entries())
    for (const key of keys.slice(0, 5))
      console.log(`redis-main-${i} lacks ${key}, acknowledged at ${new Date(all.get(key)!).toISOString()}`);
  const most = Math.max(...lost.map((keys) => keys.length));
  console.log(
    `${all.size} writes acknowledged, ${failed} failed, ${most} lost; median outage of main ${median.toFixed(1)} s, longest ${gaps.at(-1)?.toFixed(1)} s`,
  );
  const count = (n: number) => n.toLocaleString("en");
  const table = rowsTable([
    row(
      `acknowledged writes missing on a member after ${faults} faults (seed ${seed})`,
      `${most} of ${count(all.size)}`,
      "0 of ≥ 100,000",
      most === 0 && all.size >= 100_000,
    ),
    row(
      `${gaps.length} faults that hit main: time without an acknowledged write`,
      `median ${median.toFixed(1)} s, longest ${gaps.at(-1)?.toFixed(1)} s`,
      "median ≤ 10 s",
      median <= 10,
    ),
  ]);
  publish("ledger", table, {
    seed,
    faults,
    answered: all.size,
    failed,
    lost: lost.map((keys) => keys.length),
    outages,
  });
  if (most > 0) process.exitCode = 1;
} finally {
  await pods.stop();
}
