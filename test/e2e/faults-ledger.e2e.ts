/**
 * Part `faults-ledger` of tier `faults`: keeps a ledger of acknowledged writes during more than 50 faults, whose random
 * order comes from a seed, and causes the same faults on a stock Redis for comparison. E2E_DURABILITY sets the mode,
 * E2E_SEED the seed, E2E_FAULTS the number of faults. E2E_NODES names the nodes that may be stopped, and the commands
 * E2E_NODE_STOP and E2E_NODE_START (with {node} for the name) stop and start them.
 */
import * as fs from "node:fs";
import { missing } from "../helpers/ledger-writer";
import { BY_NO_FAULT, type FaultRun, type FaultRuns, faultTables } from "../helpers/fault-figures";
import { publishPart } from "../helpers/publish";
import { random, shuffled } from "../helpers/random";
import { removeChaos, startChaos } from "./helpers/chaos";
import { heldBy, removeLedger, startLedger } from "./helpers/ledger";
import { allowLoadToApi } from "./helpers/load";
import { removeBaseline, startBaseline } from "./helpers/baseline-redis";
import { failOverTo, moveMainTo, removableNodes } from "./helpers/nodes";
import { deletedInstead, healthyRedis, type Kind, redisFaults, restarts } from "./helpers/redis-faults";
import { removeAfterFailure, step } from "./helpers/steps";
import { app, expectAsBefore, expectNoDeployment, inventory, kube, npmRunWith, projectPath } from "./helpers/system";

const durability = process.env["E2E_DURABILITY"] ?? "safe";
const settings = { IAC_REDIS_DURABILITY: durability, IAC_OBSERVABILITY: "none" };
const seed = Number(process.env["E2E_SEED"] ?? Math.floor(Math.random() * 1e6));
const draw = random(seed);
const between = (low: number, high: number) => low + draw() * (high - low);
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
/** Seconds after a fault within which Redis must be healthy and acknowledge writes again. */
const LIMIT = 240;

removeAfterFailure(settings);
afterAll(async () => {
  await removeChaos();
  await removeBaseline();
  await removeLedger();
});

/** Waits until there is one main, and all members and replicas are Ready and linked to it; returns their names. */
const healthy = () => healthyRedis(durability, LIMIT);

let baseline: Awaited<ReturnType<typeof startBaseline>>;
const KINDS = redisFaults({
  settings,
  between,
  exhaustBaseline: () => baseline.exhaust().catch(() => undefined),
});

const plan = shuffled(
  KINDS.flatMap((kind) => Array.from({ length: kind.times }, () => kind)),
  draw,
).slice(0, Number(process.env["E2E_FAULTS"] ?? Infinity));

let before: string[];
let ledger: Awaited<ReturnType<typeof startLedger>>;
const gaps: Record<string, number[]> = {};
/**
 * Periods in which main may have ended ungracefully: from shortly before a fault until Redis was healthy again, in ms
 * since the epoch.
 */
const ends: { readonly name: string; readonly from: number; readonly to: number }[] = [];
/** Redis flushes a write within two seconds, even on a slow disk; clocks differ by less than one second. */
const FAST_MAY_LOSE_MS = 3000;
const roleHit = (kind: Kind) => (kind.main ? "main" : "a replica");

step("the system and a stock Redis next to it are up, each with a ledger", async () => {
  console.log(`${durability}, seed ${seed}, ${plan.length} faults`);
  await expectNoDeployment();
  before = await inventory();
  const nodes = (await kube.list("nodes")).map((n) => n.metadata.name);
  const lasting = nodes.find((n) => !removableNodes.includes(n));
  if (!removableNodes.length || !lasting)
    throw new Error("E2E_NODES must name nodes that the test may stop, but not every node");
  expect((await npmRunWith(settings, "up")).code).toBe(0);
  if (durability !== "ha") {
    // main's volume is local to a node, so choose a node that the test may stop
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
  "after each fault Redis recovers by itself, and writes resume",
  async () => {
    for (const [i, drawn] of plan.entries()) {
      if (drawn.node) await failOverTo(removableNodes, async () => (await healthy()).main);
      const { main, others } = await healthy();
      const target = drawn.main ? main : others[Math.floor(draw() * others.length)]!;
      const kind = drawn.restarts && (await restarts(target)) > 0 ? deletedInstead(drawn) : drawn;
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
    ? "only writes acknowledged in the two seconds before main ended are missing, and every other Redis instance has the same data as main"
    : "every acknowledged write is on main, and on every other Redis instance";
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
  // a replica has the same data as main
  expect(new Set(Object.values(lost)).size).toBe(1);
});

step("everything is removed", async () => {
  await removeChaos();
  await removeBaseline();
  await removeLedger();
  expect((await npmRunWith(settings, "down", "--yes")).code).toBe(0);
  await expectAsBefore(before);
});
