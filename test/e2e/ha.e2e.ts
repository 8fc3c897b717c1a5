/**
 * Tier `ha`: main is one of a pool on three nodes; whatever takes it away, writes go on, and none that was answered is
 * lost. A node is killed and brought back by commands of the environment, with {node} for its name: E2E_NODE_STOP and
 * E2E_NODE_START; E2E_NODES names those that may go.
 */
import { refusedCommands } from "../helpers/acl-log";
import { missing } from "../helpers/ledger-writer";
import { heldBy, removeLedger, startLedger } from "./helpers/ledger";
import { letLoadAskTheApi } from "./helpers/load";
import { handedOverTo, nodeCommand, nodesThatMayGo } from "./helpers/nodes";
import { removeAfterFailure, step } from "./helpers/steps";
import {
  app,
  eventually,
  expectAsBefore,
  expectNothingOfOurs,
  inventory,
  isReady,
  kube,
  npmRunWith,
  redis,
  redisCli,
  redisPodNames,
} from "./helpers/system";

const settings = { IAC_REDIS_DURABILITY: "ha", IAC_OBSERVABILITY: "none" };
const MEMBERS = ["redis-main-0", "redis-main-1", "redis-main-2"];
/** Writes that nobody has taken for longer than this are an outage that was promised not to happen, seconds. */
const OUTAGE = 15;

let before: string[];
let ledger: Awaited<ReturnType<typeof startLedger>>;
const outages: Record<string, number> = {};
removeAfterFailure(settings);
afterAll(removeLedger);

const roleOf = async (pod: string) => /role:(\w+)/.exec(await redis(pod, "INFO", "replication"))?.[1];
/** The one member that is main, once there is one alone and all three are Ready. */
const settledMain = (seconds: number) =>
  eventually("one main, and the whole pool Ready", seconds, async () => {
    const pods = await kube.list("pods", "-n", app, "-l", "app.kubernetes.io/name=redis-main");
    if (pods.length !== MEMBERS.length || !pods.every(isReady)) throw new Error("a member is not Ready");
    const roles = await Promise.all(MEMBERS.map(roleOf));
    if (roles.filter((r) => r === "master").length !== 1) throw new Error(`roles are ${roles.join(", ")}`);
    return MEMBERS[roles.indexOf("master")]!;
  });
const nodeOf = async (pod: string) => (await kube.get("pod", pod, app))!.spec?.["nodeName"] as string;
/** A fault, and how long no write was answered. */
async function fault(name: string, cause: (main: string) => Promise<unknown>): Promise<void> {
  const main = await settledMain(180);
  const at = Date.now();
  await cause(main);
  await ledger.goesOn(60);
  outages[name] = await ledger.longestGap(at);
  console.log(`${name}: ${outages[name]!.toFixed(1)} s without an answered write`);
  expect(outages[name]).toBeLessThan(OUTAGE);
}

step("the pool is up on three nodes, and knows one main", async () => {
  if (!nodesThatMayGo.length) throw new Error("E2E_NODES must name the nodes that may be taken away");
  await expectNothingOfOurs();
  before = await inventory();
  expect((await npmRunWith(settings, "up")).code).toBe(0);
  await letLoadAskTheApi();
  await settledMain(60);
  expect(new Set(await Promise.all(MEMBERS.map(nodeOf))).size).toBe(3);
  expect((await npmRunWith(settings, "diff")).code).toBe(0);
  // where no fault of the test reaches it
  const safe = (await kube.list("nodes")).map((n) => n.metadata.name).find((name) => !nodesThatMayGo.includes(name))!;
  ledger = await startLedger({ writers: 8, pauseMs: 20, node: safe });
});

step("main's pod is deleted: it hands over first", () =>
  fault("pod deleted", (main) => kube.raw(["-n", app, "delete", "pod", main, "--wait=false"])),
);

step("main's process is killed", () =>
  fault("process killed", (main) => redis(main, "SHUTDOWN", "NOSAVE", "FORCE", "NOW").catch(() => undefined)),
);

step("main's node is lost, with its volume", async () => {
  // one that the test may take away
  await handedOverTo(nodesThatMayGo, () => settledMain(120));
  let lost = "";
  let node = "";
  await fault("node lost", async (main) => {
    lost = main;
    node = await nodeOf(main);
    nodeCommand("STOP", node);
  });
  await kube.raw(["-n", app, "delete", "pvc", `data-${lost}`, "--wait=false"]);
  await kube.raw(["-n", app, "delete", "pod", lost, "--force", "--grace-period=0"], { timeoutMs: 60_000 });
  nodeCommand("START", node);
  expect(await settledMain(300)).not.toBe(lost);
});

step("its settings change: every member is made anew, and no write waits for long", async () => {
  await fault("rollout", async () => {
    expect((await npmRunWith({ ...settings, IAC_REDIS_MAX_MEMORY: "200mb" }, "up")).code).toBe(0);
  });
});

step("passwords change, the Sentinels' too, and no write waits for long; nobody was refused a command", async () => {
  await fault("new passwords", async () => {
    expect((await npmRunWith(settings, "rotate", "--yes")).code).toBe(0);
  });
  for (const pod of await redisPodNames()) {
    expect([pod, refusedCommands(await redis(pod, "--raw", "ACL", "LOG", "100"))]).toEqual([pod, []]);
  }
  for (const pod of MEMBERS) {
    const log = await redisCli(pod, ["-p", "26379", "--raw", "ACL", "LOG", "100"]);
    expect([pod, refusedCommands(log)]).toEqual([pod, []]);
  }
});

step("every answered write is on main, on the pool and on each replica", async () => {
  await settledMain(180);
  const { kept, failed } = await ledger.stop();
  const replicas = (await kube.list("pods", "-n", app, "-l", "app.kubernetes.io/name=redis-replica")).filter(isReady);
  const lost: Record<string, number> = {};
  for (const pod of [...MEMBERS, ...replicas.map((p) => p.metadata.name)])
    lost[pod] = missing(kept, await heldBy(pod)).length;
  console.log(`${kept.size} writes answered, ${failed} not;`, outages);
  expect(lost).toEqual(Object.fromEntries(Object.keys(lost).map((pod) => [pod, 0])));
  expect(kept.size).toBeGreaterThan(5000);
});

step("no Sentinel has taken more of a CPU than its limit says", async () => {
  for (const pod of MEMBERS) {
    const info = await redisCli(pod, ["-p", "26379", "INFO"]);
    const field = (name: string) => Number(new RegExp(`${name}:([\\d.]+)`).exec(info)?.[1]);
    const cores = (field("used_cpu_sys") + field("used_cpu_user")) / field("uptime_in_seconds");
    console.log(`Sentinel of ${pod}: ${cores.toFixed(3)} cores over ${field("uptime_in_seconds")} s`);
    expect(cores).toBeLessThan(0.25);
  }
});

step("all of it is removed", async () => {
  await removeLedger();
  expect((await npmRunWith(settings, "down", "--yes")).code).toBe(0);
  await expectAsBefore(before);
});
