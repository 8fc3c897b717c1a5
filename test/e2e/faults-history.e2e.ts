/**
 * Part `faults-history` of tier `faults`: during more than 50 faults, whose order a seed determines, many clients set,
 * delete and read (with Consistency: strong) a few keys through two API pods. A single order of all operations must
 * explain every response (linearizability). E2E_DURABILITY sets the mode (`safe` or `ha`), E2E_SEED the seed,
 * E2E_FAULTS the number of faults; E2E_NODES, E2E_NODE_STOP and E2E_NODE_START as for `faults-ledger`. Needs Go for the
 * checker.
 */
import * as fs from "node:fs";
import { buildChecker } from "../helpers/history/checker";
import { longestGap } from "../helpers/history/figures";
import { outcome, type Period } from "../helpers/history/record";
import { type Happened, historyTables, type HistoryRuns, isClean, judge } from "../helpers/history/run";
import { publishPart } from "../helpers/publish";
import { random, shuffled } from "../helpers/random";
import { removeChaos, startChaos } from "./helpers/chaos";
import { removeHistory, startHistory } from "./helpers/history";
import { allowLoadToApi } from "./helpers/load";
import { networkFaults } from "./helpers/network-faults";
import { failOverTo, moveMainTo, removableNodes } from "./helpers/nodes";
import { deletedInstead, healthyRedis, redisFaults, restarts } from "./helpers/redis-faults";
import { removeAfterFailure, step } from "./helpers/steps";
import {
  app,
  eventually,
  expectAsBefore,
  expectNoDeployment,
  inventory,
  kube,
  npmRunWith,
  projectPath,
  redis,
} from "./helpers/system";

const durability = process.env["E2E_DURABILITY"] ?? "safe";
const settings = { IAC_REDIS_DURABILITY: durability, IAC_OBSERVABILITY: "none" };
const seed = Number(process.env["E2E_SEED"] ?? Math.floor(Math.random() * 1e6));
const draw = random(seed);
const between = (low: number, high: number) => low + draw() * (high - low);
const one = <T>(of: readonly T[]): T => of[Math.floor(draw() * of.length)]!;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const [KEYS, CLIENTS_PER_KEY, PAUSE_MS, APIS] = [12, 5, 120, 2] as const;
/** Seconds after a fault within which Redis must be healthy and every API pod must acknowledge writes again. */
const LIMIT = 240;

removeAfterFailure(settings);
afterAll(async () => {
  await removeChaos();
  await removeHistory();
});

const healthy = () => healthyRedis(durability, LIMIT);
let history: Awaited<ReturnType<typeof startHistory>>;
const frozen: Period[] = [];
const onFreeze = (from: number, to: number) =>
  void frozen.push({ from: history.onItsClock(from), to: history.onItsClock(to) });
const options = { settings, between, onFreeze };
const kinds = [
  ...redisFaults(options),
  ...networkFaults({ ...options, durability, one, apis: () => history.apis(), roles: healthy }),
];
const plan = shuffled(
  kinds.flatMap((kind) => Array.from({ length: kind.times }, () => kind)),
  draw,
).slice(0, Number(process.env["E2E_FAULTS"] ?? Infinity));

/** Waits until every API pod acknowledges writes and serves strong reads. */
const working = async () => {
  const from = history.onItsClock(Date.now());
  await eventually("every API pod to work", LIMIT, async () => {
    await history.refresh();
    const done = (await history.read()).filter((r) => r.call > from && outcome(r) === "ok");
    const works = (api: number) =>
      (["set", "delete", "read"] as const).every((kind) => done.some((r) => r.api === api && r.kind === kind));
    return [...Array(APIS).keys()].every(works) ? true : undefined;
  });
};

let before: string[];
let calmFrom = 0;
const happened: Happened[] = [];

/** Deletes main's pod until main is on a node that the test may stop, which is a fault too. */
const onNodeToStop = async () => {
  const from = history.onItsClock(Date.now());
  const { main } = await healthy();
  if ((await failOverTo(removableNodes, async () => (await healthy()).main)) === main) return;
  await working();
  happened.push({ name: "pod deleted, main", from, to: history.onItsClock(Date.now()), recovered: true });
};

step("the system is up, and clients use a few keys through two API pods", async () => {
  console.log(`${durability}, seed ${seed}, ${plan.length} faults`);
  buildChecker();
  await expectNoDeployment();
  before = await inventory();
  const nodes = (await kube.list("nodes")).map((n) => n.metadata.name);
  const lasting = nodes.find((n) => !removableNodes.includes(n));
  if (!removableNodes.length || !lasting)
    throw new Error("E2E_NODES must name nodes that the test may stop, but not every node");
  expect((await npmRunWith(settings, "up")).code).toBe(0);
  if (durability !== "ha") {
    await moveMainTo(removableNodes);
    await healthy();
  }
  await allowLoadToApi();
  await startChaos((await kube.get("pod", "redis-main-0", app))!.spec!["containers"][0].image as string);
  history = await startHistory({
    keys: KEYS,
    clientsPerKey: CLIENTS_PER_KEY,
    pauseMs: PAUSE_MS,
    node: lasting,
    apis: APIS,
  });
  await working();
  calmFrom = history.onItsClock(Date.now());
});

step(
  "after each fault the system recovers by itself",
  async () => {
    for (const [i, drawn] of plan.entries()) {
      if (drawn.node) await onNodeToStop();
      const { main, others } = await healthy();
      const target = drawn.main ? main : one(others);
      const kind = drawn.restarts && (await restarts(target)) > 0 ? deletedInstead(drawn) : drawn;
      await pause(between(1500, 5000));
      const from = history.onItsClock(Date.now());
      await kind.cause(target);
      await healthy();
      await working();
      const to = history.onItsClock(Date.now());
      const name = `${kind.name}, ${kind.main ? "main" : "a replica"}`;
      happened.push({ name, from, to, recovered: true });
      process.stderr.write(
        `${i + 1}/${plan.length} ${name}, ${target}: ${longestGap(await history.read(), { from, to }).toFixed(1)} s without an acknowledged write\n`,
      );
    }
  },
  150,
);

step("one order of the operations explains every response, and no acknowledged write is missing", async () => {
  const { main, others } = await healthy();
  const records = await history.stop();
  await pause(3000);
  const keys = [...new Set(records.map((r) => r.key))];
  const held: Record<string, ReadonlyMap<string, string | null>> = {};
  for (const pod of [main, ...others]) {
    const values = new Map<string, string | null>();
    // a value is never empty
    for (const key of keys) values.set(key, (await redis(pod, "--raw", "GET", key)).trim() || null);
    held[pod] = values;
  }
  const folder = projectPath(".state", `history-${durability}-${seed}`);
  fs.mkdirSync(folder, { recursive: true });
  const data = Object.fromEntries(Object.entries(held).map(([pod, values]) => [pod, Object.fromEntries(values)]));
  fs.writeFileSync(`${folder}/records.json`, JSON.stringify({ records, frozen, happened, calmFrom, held: data }));
  const run = judge({ records, frozen, faults: happened, calmFrom, apis: APIS, held, folder });
  const file = projectPath("docs", "benchmarks", "e2e-history.json");
  const earlier = fs.existsSync(file) ? (JSON.parse(fs.readFileSync(file, "utf8")) as HistoryRuns) : {};
  const runs = { ...earlier, [`${durability} ${seed}`]: run };
  publishPart(projectPath(), "e2e-history", () => historyTables(runs), runs);
  console.log(historyTables({ [`${durability} ${seed}`]: run }));
  expect(run).toMatchObject({ violations: [], undecided: [] });
  expect(isClean(run)).toBe(true);
});

step("everything is removed", async () => {
  await removeChaos();
  await removeHistory();
  expect((await npmRunWith(settings, "down", "--yes")).code).toBe(0);
  await expectAsBefore(before);
});
