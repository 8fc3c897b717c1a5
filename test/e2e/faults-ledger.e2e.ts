/**
 * Part `faults-ledger` of tier `faults`: a ledger of acknowledged writes during more than 50 faults, in a random order from
 * a seed, and the same faults on a stock Redis for comparison. E2E_DURABILITY sets the mode, E2E_SEED the seed,
 * E2E_FAULTS the number of faults. E2E_NODES names the nodes that may be stopped, and the commands E2E_NODE_STOP and
 * E2E_NODE_START (with {node} for the name) stop and start them.
 */
import * as fs from "node:fs";
import { missing } from "../helpers/ledger-writer";
import { BY_NO_FAULT, type FaultRun, type FaultRuns, faultTables } from "../helpers/fault-figures";
import { publishPart } from "../helpers/publish";
import { random, shuffled } from "../helpers/random";
import { cutLink, removeChaos, signal, smallDisk, startChaos, stopFor } from "./helpers/chaos";
import { heldBy, removeLedger, startLedger } from "./helpers/ledger";
import { allowLoadToApi } from "./helpers/load";
import { EXHAUST, BASELINE_MAIN, removeBaseline, startBaseline } from "./helpers/baseline-redis";
import { failOverTo, moveMainTo, nodeCommand, removableNodes } from "./helpers/nodes";
import { removeAfterFailure, step } from "./helpers/steps";
import {
  app,
  eventually,
  expectAsBefore,
  expectNoDeployment,
  inventory,
  isReady,
  kube,
  npmRunWith,
  projectPath,
  redis,
  redisCli,
} from "./helpers/system";

const durability = process.env["E2E_DURABILITY"] ?? "safe";
const settings = { IAC_REDIS_DURABILITY: durability, IAC_OBSERVABILITY: "none" };
const seed = Number(process.env["E2E_SEED"] ?? Math.floor(Math.random() * 1e6));
const draw = random(seed);
const between = (low: number, high: number) => low + draw() * (high - low);
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
/** Seconds after a fault within which Redis must be healthy and acknowledge writes. */
const LIMIT = 240;

removeAfterFailure(settings);
afterAll(async () => {
  await removeChaos();
  await removeBaseline();
  await removeLedger();
});

const podsOf = (name: string) => kube.list("pods", "-n", app, "-l", `app.kubernetes.io/name=${name}`);
const info = async (pod: string) => {
  const text = await redis(pod, "INFO", "replication");
  return (field: string) => new RegExp(`${field}:(\\S+)`).exec(text)?.[1];
};

/** Waits until there is one main, and all members and replicas are Ready and linked with it; returns their names. */
const healthy = () =>
  eventually("Redis to be healthy", LIMIT, async () => {
    const [pool, replicas] = await Promise.all([podsOf("redis-main"), podsOf("redis-replica")]);
    if (pool.length !== (durability === "ha" ? 3 : 1) || replicas.length < 1) throw new Error("a pod is missing");
    const waiting = [...pool, ...replicas].filter((p) => !isReady(p) || p.metadata.deletionTimestamp);
    if (waiting.length) throw new Error(`not Ready: ${waiting.map((p) => p.metadata.name).join(", ")}`);
    const names = [...pool, ...replicas].map((p) => p.metadata.name);
    const seen = await Promise.all(names.map(info));
    const mains = names.filter((_, i) => seen[i]!("role") === "master");
    if (mains.length !== 1) throw new Error(`mains: ${mains.join(", ") || "none"}`);
    const apart = names.filter((_, i) => seen[i]!("role") !== "master" && seen[i]!("master_link_status") !== "up");
    if (apart.length) throw new Error(`not linked with main: ${apart.join(", ")}`);
    return { main: mains[0]!, others: names.filter((n) => n !== mains[0]) };
  });

const statusOf = async (pod: string, namespace = app) =>
  (await kube.get("pod", pod, namespace))?.status?.containerStatuses?.find((c: { name: string }) => c.name === "redis");
const restarts = async (pod: string) => (await statusOf(pod))?.restartCount as number;
const deletePod = (pod: string, namespace = app) => kube.raw(["-n", namespace, "delete", "pod", pod, "--wait=false"]);
const ended = async (pod: string) => {
  const status = await statusOf(pod);
  return (status?.state?.terminated ?? status?.lastState?.terminated)?.reason as string | undefined;
};
const nodeOf = async (pod: string) => (await kube.get("pod", pod, app))!.spec?.["nodeName"] as string;

interface Kind {
  readonly name: string;
  /** Whether the fault hits main. */
  readonly main: boolean;
  readonly times: number;
  /** It ends a container, which the kubelet restarts with backoff. */
  readonly restarts?: boolean;
  /** It ends Redis, or may, without an immediate restart in the same pod. */
  readonly ends?: boolean;
  /** It needs a node that the test may stop. */
  readonly node?: boolean;
  readonly cause: (pod: string) => Promise<unknown>;
  /** The same fault on the baseline's main. */
  readonly baseline?: () => Promise<unknown>;
}
let baseline: Awaited<ReturnType<typeof startBaseline>>;
let memory = 0;

const killed = { name: "process killed", restarts: true, cause: (pod: string) => signal(pod, "KILL") };
const stopped = { name: "process stopped", cause: (pod: string) => stopFor(pod, between(500, 7000)) };
const deleted = { name: "pod deleted", cause: (pod: string) => deletePod(pod) };
const link = {
  name: "link cut",
  cause: async (pod: string) => {
    const restore = await cutLink(pod);
    await pause(between(2000, 10_000));
    await restore();
  },
};
const baselineDeleted = () => deletePod(BASELINE_MAIN, "default");
const KINDS: readonly Kind[] = [
  { ...killed, main: true, times: 10, baseline: () => signal(BASELINE_MAIN, "KILL", "default") },
  { ...stopped, main: true, times: 5, baseline: () => stopFor(BASELINE_MAIN, 2000, "default") },
  { ...deleted, main: true, times: 5, baseline: baselineDeleted },
  { ...link, main: true, times: 6 },
  {
    name: "out of memory",
    main: true,
    times: 3,
    restarts: true,
    cause: async (pod) => {
      await redisCli(pod, ["EVAL", `"${EXHAUST}"`, "0"], 60_000).catch(() => undefined);
      await eventually("the kernel to kill it", 30, async () =>
        (await ended(pod)) === "OOMKilled" ? true : undefined,
      );
    },
    baseline: () => baseline.exhaust().catch(() => undefined),
  },
  {
    name: "disk full",
    main: true,
    times: 2,
    ends: true,
    cause: async (pod) => {
      const disk = await smallDisk(pod, `data-${pod}`);
      const before = await restarts(pod);
      await disk.fill();
      await eventually("Redis to notice that its disk is full", 60, async () => {
        if ((await restarts(pod)) > before || !(await statusOf(pod))?.state?.running) return true;
        // a former main that syncs from the new one is not Ready, because it cannot write the file
        if (!isReady((await kube.get("pod", pod, app))!)) return true;
        return /aof_last_(write|bgrewrite)_status:err/.test(await redis(pod, "INFO", "persistence")) ? true : undefined;
      });
      await pause(between(2000, 8000));
      await disk.end();
    },
  },
  {
    name: "node lost, and back",
    main: true,
    node: true,
    times: 2,
    ends: true,
    cause: async (pod) => {
      const node = await nodeOf(pod);
      nodeCommand("STOP", node);
      await pause(between(3000, 15_000));
      nodeCommand("START", node);
    },
  },
  {
    name: "new settings",
    main: true,
    times: 2,
    cause: async () => {
      memory = memory === 240 ? 250 : 240;
      expect((await npmRunWith({ ...settings, IAC_REDIS_MAX_MEMORY: `${memory}mb` }, "up")).code).toBe(0);
    },
  },
  { ...killed, main: false, times: 5 },
  { ...stopped, main: false, times: 4 },
  { ...deleted, main: false, times: 4 },
  { ...link, main: false, times: 4 },
];

const plan = shuffled(
  KINDS.flatMap((kind) => Array.from({ length: kind.times }, () => kind)),
  draw,
).slice(0, Number(process.env["E2E_FAULTS"] ?? Infinity));

let before: string[];
let ledger: Awaited<ReturnType<typeof startLedger>>;
const gaps: Record<string, number[]> = {};
/** When main may have ended ungracefully: from shortly before until Redis was healthy again, ms since the epoch. */
const ends: { readonly name: string; readonly from: number; readonly to: number }[] = [];
/** Redis flushes a write within two seconds, even on a slow disk; clocks differ by less than one second. */
const FAST_MAY_LOSE_MS = 3000;
const roleHit = (kind: Kind) => (kind.main ? "main" : "a replica");

step("the system is up, and a stock Redis next to it, each with a ledger", async () => {
  console.log(`${durability}, seed ${seed}, ${plan.length} faults`);
  await expectNoDeployment();
  before = await inventory();
  const nodes = (await kube.list("nodes")).map((n) => n.metadata.name);
  const lasting = nodes.find((n) => !removableNodes.includes(n));
  if (!removableNodes.length || !lasting)
    throw new Error("E2E_NODES must name nodes that the test may stop, and not all of them");
  expect((await npmRunWith(settings, "up")).code).toBe(0);
  if (durability !== "ha") {
    // its volume is local to a node: choose one that the test may stop
    await moveMainTo(removableNodes);
    await healthy();
  }
  const image = (await kube.get("pod", "redis-main-0", app))!.spec!["containers"][0].image as string;
  await allowLoadToApi();
  await startChaos(image);
  baseline = await startBaseline(image, lasting);
  ledger = await startLedger({ writers: 8, pauseMs: 20, node: lasting });
});

step(
  "after each fault Redis recovers by itself, and writes continue",
  async () => {
    for (const [i, drawn] of plan.entries()) {
      if (drawn.node) await failOverTo(removableNodes, async () => (await healthy()).main);
      const { main, others } = await healthy();
      const target = drawn.main ? main : others[Math.floor(draw() * others.length)]!;
      // the kubelet restarts a container with a growing backoff, which a new pod resets
      const kind =
        drawn.restarts && (await restarts(target)) > 0
          ? { ...drawn, ...deleted, restarts: false, baseline: baselineDeleted }
          : drawn;
      await pause(between(500, 3000));
      const at = Date.now();
      const baselineFault = kind.main
        ? kind.baseline?.().catch((error: Error) => console.log(`baseline: ${error.message}`))
        : undefined;
      await kind.cause(target);
      await ledger.waitForWrites(LIMIT);
      await healthy();
      await baselineFault;
      const gap = await ledger.longestGap(at);
      (gaps[`${kind.name}, ${roleHit(kind)}`] ??= []).push(gap);
      if (kind.main && (kind.restarts || kind.ends))
        ends.push({ name: `${i + 1}, ${kind.name}`, from: at - FAST_MAY_LOSE_MS, to: Date.now() });
      process.stderr.write(
        `${i + 1}/${plan.length} ${kind.name}, ${target}: ${gap.toFixed(1)} s without an acknowledged write, healthy after ${((Date.now() - at) / 1000).toFixed(0)} s\n`,
      );
    }
  },
  85,
);

const KEPT =
  durability === "fast"
    ? "only acknowledged writes of the two seconds before main ended are missing, and each other Redis holds what main holds"
    : "every acknowledged write is on main, and on each other Redis";
step(KEPT, async () => {
  const { main, others } = await healthy();
  const { kept, failed } = await ledger.stop();
  const stock = await baseline.ledger.stop();
  const lost: Record<string, number> = {};
  const lostAt: Record<string, number[]> = {};
  for (const pod of [main, ...others]) {
    const keys = missing(kept, await heldBy(pod));
    lost[pod] = keys.length;
    if (pod !== main) continue;
    for (const answered of keys.map((key) => kept.get(key)!)) {
      const name = ends.find(({ from, to }) => answered >= from && answered <= to)?.name ?? BY_NO_FAULT;
      (lostAt[name] ??= []).push(answered);
    }
  }
  const stockLost: Record<string, number> = {};
  for (const [pod, held] of Object.entries(await baseline.held())) stockLost[pod] = missing(stock.kept, held).length;
  const run: FaultRun = {
    faults: plan.length,
    answered: kept.size,
    failed,
    lost,
    lostAt: Object.fromEntries(Object.entries(lostAt).map(([name, answered]) => [name, answered.length])),
    gaps,
    stockAnswered: stock.kept.size,
    stockLost,
  };
  // the results of other runs stay
  const file = projectPath("docs", "benchmarks", "faults.json");
  const earlier = fs.existsSync(file) ? (JSON.parse(fs.readFileSync(file, "utf8")) as FaultRuns) : {};
  const runs = { ...earlier, [`${durability} ${seed}`]: run };
  publishPart(projectPath(), "faults", () => faultTables(runs), runs);
  console.log(faultTables({ [`${durability} ${seed}`]: run }));
  if (durability === "fast") {
    expect(lostAt).not.toHaveProperty(BY_NO_FAULT);
    for (const answered of Object.values(lostAt))
      expect(Math.max(...answered) - Math.min(...answered)).toBeLessThanOrEqual(FAST_MAY_LOSE_MS);
  } else expect(lost).toEqual(Object.fromEntries(Object.keys(lost).map((pod) => [pod, 0])));
  // a replica holds what main holds
  expect(new Set(Object.values(lost)).size).toBe(1);
});

step("everything is removed", async () => {
  await removeChaos();
  await removeBaseline();
  await removeLedger();
  expect((await npmRunWith(settings, "down", "--yes")).code).toBe(0);
  await expectAsBefore(before);
});
