/**
 * Tier `ha`: a single main becomes a member of a Sentinel group on three nodes. After that, however main is lost, writes
 * resume and no acknowledged write is lost. E2E_NODES names the nodes that the test may stop, and the commands
 * E2E_NODE_STOP and E2E_NODE_START (with {node} for the name) stop and start them.
 */
import { refusedCommands } from "../helpers/acl-log";
import { missing } from "../helpers/ledger-writer";
import { heldBy, removeLedger, startLedger } from "./helpers/ledger";
import { allowLoadToApi } from "./helpers/load";
import { failOverTo, nodeCommand, removableNodes } from "./helpers/nodes";
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
  redis,
  redisCli,
  redisPodNames,
} from "./helpers/system";

const settings = { IAC_REDIS_DURABILITY: "ha", IAC_OBSERVABILITY: "none" };
const MEMBERS = ["redis-main-0", "redis-main-1", "redis-main-2"];
/** Longest accepted time without an acknowledged write, in seconds. */
const MAX_OUTAGE = 15;
/** The same while a single main becomes a member, which refuses the single main's API until that is replaced too. */
const MAX_CHANGE = 60;

let before: string[];
let ledger: Awaited<ReturnType<typeof startLedger>>;
const outages: Record<string, number> = {};
removeAfterFailure(settings);
afterAll(removeLedger);

const roleOf = async (pod: string) => /role:(\w+)/.exec(await redis(pod, "INFO", "replication"))?.[1];
/** Waits until exactly one member is main and all three are Ready; returns main. */
const settledMain = (seconds: number) =>
  eventually("one main, and every member Ready", seconds, async () => {
    const pods = await kube.list("pods", "-n", app, "-l", "app.kubernetes.io/name=redis-main");
    if (pods.length !== MEMBERS.length || !pods.every(isReady)) throw new Error("a member is not Ready");
    const roles = await Promise.all(MEMBERS.map(roleOf));
    if (roles.filter((r) => r === "master").length !== 1) throw new Error(`roles are ${roles.join(", ")}`);
    return MEMBERS[roles.indexOf("master")]!;
  });
const nodeOf = async (pod: string) => (await kube.get("pod", pod, app))!.spec?.["nodeName"] as string;
/** Causes a fault and measures the longest time without an acknowledged write. */
async function fault(name: string, cause: (main: string) => Promise<unknown>): Promise<void> {
  const main = await settledMain(180);
  const at = Date.now();
  await cause(main);
  await ledger.waitForWrites(60);
  outages[name] = await ledger.longestGap(at);
  console.log(`${name}: ${outages[name]!.toFixed(1)} s without an acknowledged write`);
  expect(outages[name]).toBeLessThan(MAX_OUTAGE);
}

step("a single main is up, and clients write", async () => {
  if (!removableNodes.length) throw new Error("E2E_NODES must name the nodes that the test may stop");
  await expectNoDeployment();
  before = await inventory();
  expect((await npmRunWith({ ...settings, IAC_REDIS_DURABILITY: "safe" }, "up")).code).toBe(0);
  await allowLoadToApi();
  // on a node that no fault affects
  const safe = (await kube.list("nodes")).map((n) => n.metadata.name).find((name) => !removableNodes.includes(name))!;
  ledger = await startLedger({ writers: 8, pauseMs: 20, node: safe });
});

step("it becomes a member of a Sentinel group on three nodes, with its data", async () => {
  const at = Date.now();
  expect((await npmRunWith(settings, "up")).code).toBe(0);
  await settledMain(120);
  await ledger.waitForWrites(60);
  outages["change to ha"] = await ledger.longestGap(at);
  console.log(`change to ha: ${outages["change to ha"].toFixed(1)} s without an acknowledged write`);
  expect(outages["change to ha"]).toBeLessThan(MAX_CHANGE);
  expect(new Set(await Promise.all(MEMBERS.map(nodeOf))).size).toBe(3);
  expect((await npmRunWith(settings, "diff")).code).toBe(0);
});

step("when main's pod is deleted, it hands over to another member before it stops", () =>
  fault("pod deleted", (main) => kube.raw(["-n", app, "delete", "pod", main, "--wait=false"])),
);

step("main's process is killed", () =>
  fault("process killed", (main) => redis(main, "SHUTDOWN", "NOSAVE", "FORCE", "NOW").catch(() => undefined)),
);

step("main's node is lost, with its volume", async () => {
  // main must be on a node that the test may stop
  await failOverTo(removableNodes, () => settledMain(120));
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

step("a change of settings recreates every member without a long write outage", async () => {
  await fault("rollout", async () => {
    expect((await npmRunWith({ ...settings, IAC_REDIS_MAX_MEMORY: "200mb" }, "up")).code).toBe(0);
  });
});

step(
  "passwords, including those of the Sentinels, rotate without a long write outage or a denied command",
  async () => {
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
  },
);

step("every acknowledged write is on every member and every replica", async () => {
  await settledMain(180);
  const { kept, failed } = await ledger.stop();
  const replicas = (await kube.list("pods", "-n", app, "-l", "app.kubernetes.io/name=redis-replica")).filter(isReady);
  const lost: Record<string, number> = {};
  for (const pod of [...MEMBERS, ...replicas.map((p) => p.metadata.name)])
    lost[pod] = missing(kept, await heldBy(pod)).length;
  console.log(`${kept.size} writes acknowledged, ${failed} failed;`, outages);
  expect(lost).toEqual(Object.fromEntries(Object.keys(lost).map((pod) => [pod, 0])));
  expect(kept.size).toBeGreaterThan(5000);
});

step("no Sentinel used more CPU than its limit", async () => {
  for (const pod of MEMBERS) {
    const info = await redisCli(pod, ["-p", "26379", "INFO"]);
    const field = (name: string) => Number(new RegExp(`${name}:([\\d.]+)`).exec(info)?.[1]);
    const cores = (field("used_cpu_sys") + field("used_cpu_user")) / field("uptime_in_seconds");
    console.log(`Sentinel of ${pod}: ${cores.toFixed(3)} cores over ${field("uptime_in_seconds")} s`);
    expect(cores).toBeLessThan(0.25);
  }
});

step("everything is removed", async () => {
  await removeLedger();
  expect((await npmRunWith(settings, "down", "--yes")).code).toBe(0);
  await expectAsBefore(before);
});
