/**
 * Tier `lost-node`: with either engine, each node in E2E_NODES is lost under load while it runs the pods of all
 * single-pod Deployments, but not main. Measures how long each Deployment's pods are missing, how long the autoscalers
 * cannot read their metrics, and when the API is scaled out. E2E_NODE_STOP and E2E_NODE_START are the commands that stop
 * and start the node {node}; E2E_ENGINES limits the engines (hpa,keda).
 */
import { publishPart } from "../helpers/publish";
import { removeLoad, startLoad, type LoadResult } from "./helpers/load";
import { Timeline, deployments, lossTable, unread, type Loss } from "./helpers/lost-node";
import { moveMainTo, nodeCommand, removableNodes } from "./helpers/nodes";
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
  workloadPods,
} from "./helpers/system";

const common = {
  // no scale-in while a node is lost: a count that drops would hide a missing pod
  IAC_SCALING_NODE_SCALE_DOWN_WINDOW_SECONDS: "900",
  // a few hundred requests per second need a few pods, however fast the machine is
  IAC_SCALING_NODE_REQUESTS_PER_POD: "80",
};
const engines = (process.env["E2E_ENGINES"] ?? "hpa,keda").split(",");
const settings = (engine: string) => ({ ...common, IAC_SCALING_ENGINE: engine });
/** Longest accepted time until a lost pod is replaced and scaling works again, in seconds. */
const LIMIT = 75;
/** Requests per second, and the load's duration in seconds, which must exceed LIMIT. */
const [RATE, SECONDS] = [250, 110] as const;

let before: string[];
let lost: string | undefined;
const losses: Loss[] = [];

afterAll(() => {
  if (lost) nodeCommand("START", lost);
});
afterAll(removeLoad);
// last, because removing the deployment requires the node to be running again
removeAfterFailure(settings(engines.at(-1)!));

const allReady = async () => {
  for (const pod of await workloadPods()) if (!isReady(pod)) throw new Error(`${pod.metadata.name} is not Ready`);
  for (const { name, ready, wanted } of await deployments(undefined))
    if (ready < wanted) throw new Error(`${name} has ${ready} of ${wanted} pods`);
  for (const hpa of await kube.list("hpa", "-n", app)) {
    const problem = unread(hpa);
    if (problem) throw new Error(`the autoscaler ${hpa.metadata.name} does not work: ${problem}`);
  }
  return true;
};

/** For each Deployment with a single pod, moves that pod to the given node. */
async function gatherOn(node: string): Promise<void> {
  const others = (await kube.list("nodes")).map((n) => n.metadata.name).filter((name) => name !== node);
  const single = (await deployments(undefined)).filter((d) => d.wanted === 1);
  for (const other of others) await kube.raw(["cordon", other]);
  try {
    for (const { namespace, name } of single) await kube.raw(["-n", namespace, "rollout", "restart", "deploy", name]);
    for (const { namespace, name } of single)
      await kube.raw(["-n", namespace, "rollout", "status", "deploy", name, "--timeout=180s"], { timeoutMs: 200_000 });
  } finally {
    for (const other of others) await kube.raw(["uncordon", other]);
  }
}

async function lose(engine: string, node: string): Promise<void> {
  await eventually("every pod to be Ready and every autoscaler to work", 300, allReady);
  await gatherOn(node);
  await kube.raw(["-n", app, "scale", "deploy", "node", "--replicas=2"]);
  await eventually("every pod to be Ready and every autoscaler to work", 300, allReady);
  const timeline = await Timeline.before(node);
  const startAt = Date.now() + 15_000;
  const load = await startLoad(RATE, SECONDS, { notOn: node, startAt });
  let result: LoadResult;
  try {
    await new Promise((resolve) => setTimeout(resolve, startAt - Date.now()));
    lost = node;
    nodeCommand("STOP", node);
    await timeline.watch(startAt, SECONDS);
    result = await load.result();
  } finally {
    await load.remove();
  }
  const answered = result.seen["404"] ?? 0;
  const loss = { engine, node, ...timeline.figures(), sent: result.sent, failed: result.sent - answered };
  losses.push(loss);
  console.log(JSON.stringify(loss), result);
  nodeCommand("START", node);
  lost = undefined;
  await eventually("the node to be Ready", 120, async () =>
    isReady((await kube.get("node", node))!) ? true : undefined,
  );
}

step("the system is up", async () => {
  if (!removableNodes.length) throw new Error("E2E_NODES must name the nodes that the test may stop");
  await expectNoDeployment();
  before = await inventory();
});

for (const engine of engines) {
  step(`engine ${engine} is deployed`, async () => {
    expect((await npmRunWith(settings(engine), "up")).code).toBe(0);
    // tier `ha` tests the loss of main, without which the API pods would not be Ready
    await moveMainTo((await kube.list("nodes")).map((n) => n.metadata.name).filter((n) => !removableNodes.includes(n)));
  });
  for (const node of removableNodes)
    step(`${node} is lost under load, with engine ${engine}`, () => lose(engine, node));
}

step(`after each loss, lost pods are replaced and scaling works within ${LIMIT} s`, async () => {
  publishPart(projectPath(), "e2e-lost-node", () => lossTable(losses), losses, "reliability.md");
  console.log(lossTable(losses));
  for (const { engine, node, replaced, blind, scaledOut } of losses)
    for (const [what, seconds] of [...Object.entries(replaced), ...Object.entries(blind), ["scale-out", scaledOut]])
      expect({ engine, node, what, late: Number(seconds ?? Infinity) > LIMIT }).toMatchObject({ late: false });
});

step("everything is removed", async () => {
  expect((await npmRunWith(settings(engines.at(-1)!), "down", "--yes")).code).toBe(0);
  await expectAsBefore(before);
});
