/**
 * Checks linearizability during random faults: whether a single order of operations explains every response that many
 * clients of a few keys received. Needs root, iproute2, iptables, Go and Redis 7.2; HISTORY_MODE, _SEED, _FAULTS,
 * _KINDS, _KEYS and _PAUSE_MS change the run.
 */
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { buildChecker } from "../test/helpers/history/checker";
import { CLIENTS } from "../test/helpers/history/clients";
import { longestGap } from "../test/helpers/history/figures";
import { now, outcome, type Period } from "../test/helpers/history/record";
import { type Happened, historyTables, type HistoryRuns, isClean, judge } from "../test/helpers/history/run";
import { Tail } from "../test/helpers/history/tail";
import { random, shuffled } from "../test/helpers/random";
import { Apis } from "./history/apis";
import { faultsOf } from "./history/combined-faults";
import { others, type World } from "./history/actions";
import type { Fault } from "./history/faults";
import { networkRequirements } from "./history/network";
import { Programs } from "./history/programs";
import { SafeSystem } from "./history/safe-system";
import { HaSystem } from "./history/system";
import { pause, publish, ROOT, WORK } from "./lib";
import { requirements } from "./ledger/pods";

const mode = process.env["HISTORY_MODE"] === "safe" ? "safe" : "ha";
const seed = Number(process.env["HISTORY_SEED"] ?? Math.floor(Math.random() * 1e6));
const count = Number(process.env["HISTORY_FAULTS"] ?? 50);
/** Comma-separated names, or name prefixes, of the faults to choose from. */
const kinds = process.env["HISTORY_KINDS"]?.split(",");
const KEYS = Number(process.env["HISTORY_KEYS"] ?? 8);
const PAUSE_MS = Number(process.env["HISTORY_PAUSE_MS"] ?? 60);
const [CLIENTS_PER_KEY, APIS] = [Math.max(4, Math.round(40 / KEYS)), 2];
/**
 * Time limit for recovery from a fault, in seconds: by then, every API process must acknowledge writes again and every
 * component must be healthy.
 */
const LIMIT_SECONDS = 90;

const draw = random(seed);
const between = (low: number, high: number) => low + draw() * (high - low);
const one = <T>(of: readonly T[]): T => of[Math.floor(draw() * of.length)]!;

requirements();
networkRequirements();
buildChecker();
let programs!: Programs;
const prepare = (dir: string) => (programs = new Programs(dir));
const system = mode === "ha" ? new HaSystem(prepare) : new SafeSystem(prepare);
if (!programs.clocks) console.log("SKIPPED: clock steps, because there is no C compiler (cc)");
const able = faultsOf(mode, programs.clocks).filter((f) => !kinds || kinds.some((kind) => f.name.startsWith(kind)));
if (able.length === 0) throw new Error(`HISTORY_KINDS names no fault of mode ${mode}`);
// each kind equally often, in random order
const plan = shuffled(
  Array.from({ length: count }, (_, i) => able[i % able.length]!),
  draw,
);
console.log(`${mode}, seed ${seed}, ${count} faults of ${able.length} kinds`);

const apis = new Apis(APIS, system, programs);
const frozen: Period[] = [];
const world: World = { system, apis, programs, between, one, frozen };
const happened: Happened[] = [];

async function until(what: string, seconds: number, condition: () => boolean): Promise<void> {
  const end = Date.now() + seconds * 1000;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`waited ${seconds} s for ${what}`);
    await pause(100);
  }
}

try {
  await system.start();
  await apis.start();
  const folder = path.join(system.dir, "clients");
  fs.mkdirSync(folder);
  fs.writeFileSync(path.join(folder, "targets"), apis.addresses.join("\n"));
  const args = ["-e", CLIENTS, String(KEYS), String(CLIENTS_PER_KEY), String(PAUSE_MS), folder];
  const clients = system.outside(process.execPath, args);
  const tail = new Tail(path.join(folder, "history"));
  /** Waits until each API process acknowledges writes and serves strong reads again. */
  const working = () => {
    const from = now();
    return until("every API process to work", LIMIT_SECONDS, () => {
      apis.checkAlive();
      const done = tail.read().filter((r) => r.call > from && outcome(r) === "ok");
      return [...Array(APIS).keys()].every((n) =>
        (["set", "delete", "read"] as const).every((kind) => done.some((r) => r.api === n && r.kind === kind)),
      );
    });
  };
  const cause = async (fault: Fault, n: number) => {
    const main = system.main();
    const hitsMain = fault.hits === "main" || (fault.hits === "mostly main" && draw() < 0.7);
    const pod = hitsMain ? main : one(others(world, main));
    const from = now();
    let problem = "";
    try {
      await fault.cause(world, pod);
      await system.healthy(LIMIT_SECONDS);
      await working();
    } catch (error) {
      problem = (error as Error).message;
    }
    const to = now();
    happened.push({ name: fault.name, from, to, recovered: problem === "" });
    const gap = longestGap(tail.read(), { from, to });
    const on = pod === main ? "main" : "a copy";
    console.log(
      `${n}/${count} ${fault.name}, ${on} ${pod}, ${((to - from) / 1e6).toFixed(1)} s: ${gap.toFixed(1)} s without an acknowledged write${problem && `; NOT RECOVERED: ${problem}`}`,
    );
    return problem === "";
  };

  await until("the first operations", 30, () => tail.read().length > 0);
  await working();
  const begin = now();
  for (const [i, fault] of plan.entries()) {
    await pause(between(1500, 4000));
    if (!(await cause(fault, i + 1))) break;
  }
  clients.kill("SIGUSR2");
  await until("the last answers", 60, () => fs.existsSync(path.join(folder, "done")));
  await pause(3000);
  const keys = [...new Set(tail.read().map((r) => r.key))];
  const held = Object.fromEntries(
    [...Array(system.size).keys()].map((pod) => {
      const values = new Map<string, string | null>();
      try {
        // a value is never empty
        for (const key of keys) values.set(key, system.redisCli(pod, "GET", key) || null);
      } catch (error) {
        console.log(`${system.podName(pod)} does not answer: ${(error as Error).message}`);
      }
      return [system.podName(pod), values];
    }),
  );
  const refusals = system.refusals();
  if (refusals.length > 0) console.log(`Redis refused commands that a workload needs:\n${refusals.join("\n")}`);
  const out = path.join(WORK, `history-${mode}-${seed}`);
  fs.mkdirSync(out, { recursive: true });
  fs.copyFileSync(path.join(folder, "history"), path.join(out, "history"));
  fs.writeFileSync(path.join(out, "faults.json"), JSON.stringify({ happened, frozen }));
  const run = judge({
    records: tail.records,
    frozen,
    faults: happened,
    calmFrom: begin,
    apis: APIS,
    held,
    folder: out,
  });
  console.log(historyTables({ [`${mode} ${seed}`]: run }));
  // keeps the results of other runs; a run with only some kinds of faults is meant for debugging and is not recorded
  if (!kinds) {
    const file = path.join(ROOT, "docs", "benchmarks", "history.json");
    const earlier = fs.existsSync(file) ? (JSON.parse(fs.readFileSync(file, "utf8")) as HistoryRuns) : {};
    const runs = { ...earlier, [`${mode} ${seed}`]: run };
    publish("history", historyTables(runs), runs);
  }
  if (!isClean(run) || refusals.length > 0) process.exitCode = 1;
} finally {
  apis.stop();
  // a fault may have been interrupted
  for (const pod of Array(system.size).keys()) spawnSync("umount", ["-l", system.volume(pod)]);
  await system.stop();
}
