/**
 * Measures how fast each autoscaler reacts on the configured cluster: a stock HPA, and the project's engines `hpa` and
 * `keda`.
 */
import * as fs from "node:fs";
import * as path from "node:path";
import { allowLoadToApi, startLoad, type LoadResult } from "../test/e2e/helpers/load";
import {
  app,
  config,
  eventually,
  expectNoDeployment,
  kube,
  npmRunWith,
  specReplicas,
} from "../test/e2e/helpers/system";
import { pause, WORK } from "./lib";
import { arm, ENGINES, meanCpu, MAX, MIN, rest, settings, TARGET, use, type Engine } from "./reaction/engines";
import type { Reaction, Step } from "./reaction/measurements";
import { publishReaction } from "./reaction/report";
import { podStart } from "./reaction/starts";
import { Watcher, type PodTimes } from "./reaction/watch";

/**
 * Load of each step, as the number of pods it requires. The load applied is a quarter of a pod lower, to stay clear of
 * the threshold.
 */
const MULTIPLES = [4, 6, 8, 5, 7, 4, 8, 6];
const BLOCKS = 2;
const STEP_SECONDS = 55;
const STEADY_SECONDS = Number(process.env["STEADY_SECONDS"] ?? 600);
const STEADY_MULTIPLE = 4;
/** Maximum wait until the pods are back at their minimum; Kubernetes' default stabilization window is 300 s. */
const BACK_SECONDS = 480;
const SYNC_MS = 15_000;
const NODE = `http://node.${app}.svc:3000/item`;
const FILE = path.join(WORK, "reaction.json");

const data: Reaction =
  process.env["RESUME"] && fs.existsSync(FILE)
    ? (JSON.parse(fs.readFileSync(FILE, "utf8")) as Reaction)
    : { capacity: 0, idle: 0, steps: [], steady: [], replicaStarts: [] };
const save = () => fs.writeFileSync(FILE, JSON.stringify(data, null, 1));
const rateOf = (multiple: number) => Math.round((multiple - 0.25) * data.capacity);

/**
 * Searches for the load that keeps a warm pod at its CPU target; it cannot be calculated, because the CPU time per
 * request depends on the rate.
 */
async function measureCapacity(): Promise<void> {
  const pods = 3;
  await rest("hpa", pods);
  data.idle = await meanCpu(15);
  const target = (parseFloat(config.node.resources.cpu) * TARGET) / 100;
  let perPod = 300;
  for (let round = 0; round < 5; round++) {
    const load = await startLoad(perPod * pods, round ? 75 : 120, { target: NODE });
    // longer in the first round, during which the JIT compiles the code
    await pause(round ? 40_000 : 85_000);
    const used = await meanCpu(30);
    await load.result();
    await load.remove();
    console.log(`capacity: ${perPod}/s per pod use ${used.toFixed(1)} m of CPU, an idle pod ${data.idle.toFixed(1)} m`);
    const isNear = Math.abs(used - target) < 0.07 * target;
    perPod = Math.round((perPod * (target - data.idle)) / (used - data.idle));
    if (isNear) break;
  }
  data.capacity = perPod;
  save();
}

const since = (begin: number, at: number | undefined) => (at === undefined ? null : at - begin);

async function step(engine: Engine, multiple: number, phase: number, watcher: Watcher): Promise<void> {
  await rest(engine, MIN);
  const armedAt = await arm(engine);
  // gives the load generator time to open its connections
  const lead = 9000;
  const rounds = Math.ceil((Date.now() + lead - armedAt - phase) / SYNC_MS);
  const startAt = armedAt + rounds * SYNC_MS + phase;
  const load = await startLoad(rateOf(multiple), STEP_SECONDS, { target: NODE, startAt });
  let result: LoadResult;
  try {
    result = await load.result();
  } finally {
    await load.remove();
  }
  const { begin } = result;
  const fresh: PodTimes[] = [...watcher.pods.values()].filter((p) => p.created > begin);
  const first = (what: "created" | "ready" | "served") =>
    fresh
      .map((p) => p[what])
      .reduce((a, b) => (a === undefined || (b !== undefined && b < a) ? b : a), undefined as number | undefined);
  const wanted = watcher.wanted.filter((w) => w.at >= begin);
  const starts: number[] = [];
  for (const pod of fresh.filter((p) => p.ready && !p.gone).slice(0, 2)) {
    const at = await podStart(pod.name, "node").catch(() => undefined);
    if (at) starts.push(pod.ready! - at);
  }
  const done: Step = {
    engine,
    multiple,
    rate: rateOf(multiple),
    phase,
    decision: since(begin, wanted.find((w) => w.count > MIN)?.at),
    created: since(begin, first("created")),
    ready: since(begin, first("ready")),
    served: since(begin, first("served")),
    peak: Math.max(MIN, ...wanted.map((w) => w.count)),
    wanted: wanted.map((w) => ({ at: w.at - begin, count: w.count })),
    pods: fresh.map((p) => ({ created: p.created - begin, ready: since(begin, p.ready) })),
    starts,
    load: result,
  };
  data.steps.push(done);
  save();
  const s = (ms: number | null) => (ms === null ? "never" : `${(ms / 1000).toFixed(1)} s`);
  console.log(
    `${engine} ×${multiple} (${done.rate}/s, phase ${(phase / 1000).toFixed(1)} s): decision ${s(done.decision)}, created ${s(done.created)}, Ready ${s(done.ready)}, served ${s(done.served)}, peak ${done.peak}; ${JSON.stringify(result.seen)}, ${result.late} not sent, p99 ${result.p99} ms`,
  );
}

async function steady(engine: Engine, watcher: Watcher): Promise<void> {
  await rest(engine, MIN);
  await arm(engine);
  const rate = rateOf(STEADY_MULTIPLE);
  const load = await startLoad(rate, STEADY_SECONDS, { target: NODE });
  const result = await load.result();
  await load.remove();
  const end = result.begin + result.seconds * 1000;
  // a load that one pod can handle continues, to reveal failed requests during scale-in
  const low = await startLoad(Math.round(data.capacity), BACK_SECONDS, { target: NODE });
  let back: number | null = null;
  try {
    await eventually("the minimum", BACK_SECONDS, async () =>
      (await specReplicas("deploy", "node")) === MIN ? true : undefined,
    );
    back = (watcher.wanted.at(-1)?.at ?? Date.now()) - end;
    // terminating pods still answer
    await pause(20_000);
  } catch (error) {
    console.log((error as Error).message);
  }
  // SIGTERM makes the load end and report
  await kube.raw(["-n", "default", "exec", "e2e-load", "--", "node", "-e", "process.kill(1)"]).catch(() => undefined);
  const backLoad = await low.result();
  await low.remove();
  const wanted = watcher.wanted
    .filter((w) => w.at >= result.begin)
    .map((w) => ({ at: w.at - result.begin, count: w.count }));
  data.steady.push({ engine, rate, seconds: result.seconds, wanted, load: result, back, backLoad });
  save();
  console.log(
    `${engine} steady at ${rate}/s for ${result.seconds.toFixed(0)} s: ${JSON.stringify(result.seen)}; counts ${wanted.map((w) => `${(w.at / 1000).toFixed(0)} s: ${w.count}`).join(", ")}; back at ${MIN} after ${back === null ? "never" : (back / 1000).toFixed(0)} s, ${JSON.stringify(backLoad.seen)}`,
  );
}

/** Measures how fast replicas join a main with little data. */
async function replicas(): Promise<void> {
  const kept = JSON.stringify({ spec: { minReplicas: 2, maxReplicas: 5 } });
  const more = JSON.stringify({ spec: { minReplicas: 5, maxReplicas: 5 } });
  const bound = (patch: string) => kube.raw(["-n", app, "patch", "hpa", "redis-replicas", "--type=merge", "-p", patch]);
  const watcher = await new Watcher("redis-replica").start();
  try {
    await bound(more);
    await kube.raw(["-n", app, "scale", "statefulset", "redis-replicas", "--replicas=5"]);
    const names = ["redis-replicas-2", "redis-replicas-3", "redis-replicas-4"];
    await eventually("three more replicas", 120, async () =>
      names.every((name) => watcher.pods.get(name)?.ready) ? true : undefined,
    );
    for (const name of names) data.replicaStarts.push(watcher.pods.get(name)!.ready! - (await podStart(name, "redis")));
    console.log(
      `replicas Ready after the start of their process: ${data.replicaStarts.map((ms) => `${ms} ms`).join(", ")}`,
    );
    save();
  } finally {
    await bound(kept);
    watcher.stop();
  }
}

fs.mkdirSync(WORK, { recursive: true });
if (!process.env["RESUME"]) await expectNoDeployment();
const watchers: Watcher[] = [];
try {
  await use("hpa", 0);
  await allowLoadToApi();
  if (!data.capacity) await measureCapacity();
  if (!data.replicaStarts.length) await replicas();
  const watcher = await new Watcher("node").start();
  watchers.push(watcher);
  const count = MULTIPLES.length;
  for (let block = 0; block < BLOCKS; block++) {
    const mine = MULTIPLES.map((multiple, i) => ({
      multiple,
      phase: ((i * 3 + 0.5) % count) * (SYNC_MS / count),
    })).filter((_, i) => Math.floor((i * BLOCKS) / count) === block);
    // in reverse order in the second block, so that a drift in the machine's speed favours no engine
    for (const engine of block % 2 ? [...ENGINES].reverse() : ENGINES) {
      const done = data.steps.filter((s) => s.engine === engine).length - block * mine.length;
      const isLast = block === BLOCKS - 1;
      // the stock HPA's scale-in need not be measured: Kubernetes' stabilization window is 300 s
      const isSteady = engine === "stock" || data.steady.some((s) => s.engine === engine);
      if (done >= mine.length && (!isLast || isSteady)) continue;
      await use(engine, data.capacity);
      for (const { multiple, phase } of mine.slice(Math.max(0, done))) await step(engine, multiple, phase, watcher);
      if (isLast && !isSteady) await steady(engine, watcher);
    }
  }
  if (MAX < Math.max(...MULTIPLES)) throw new Error("the steps exceed the maximum");
  publishReaction(data);
} finally {
  for (const watcher of watchers) watcher.stop();
  if (!process.env["KEEP"]) await npmRunWith(settings("hpa"), "down", "--yes");
}
