/**
 * Tier `fast-scaler`: the fast scaler adds API pods within seconds of a load, its death stops neither scaling nor
 * serving, and removing it is an ordinary deployment.
 */
import { firing } from "./helpers/alerts";
import { allowLoadToApi, removeLoad, startLoad } from "./helpers/load";
import { expectAllAnswered, lowestCounts, NODE } from "./helpers/scaling";
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
  specReplicas,
} from "./helpers/system";

const settings = {
  IAC_SCALING_FAST: "true",
  IAC_SCALING_NODE_SCALE_DOWN_WINDOW_SECONDS: "60",
  // a few hundred requests per second need a few pods, however fast the machine is
  IAC_SCALING_NODE_REQUESTS_PER_POD: "80",
};
/** Longest time from the first request until a new API pod exists, in seconds. Pods record when they were created in whole seconds. */
const MAX_REACTION = 5;

let before: string[];
removeAfterFailure(settings);
afterAll(removeLoad);

const count = () => specReplicas("deploy", "node");
const pods = (name: string) => kube.list("pods", "-n", app, "-l", `app.kubernetes.io/name=${name}`);
const created = (pod: { metadata: { creationTimestamp?: string } }) => Date.parse(pod.metadata.creationTimestamp ?? "");
const atLeast = (least: number, seconds: number) =>
  eventually(`${least} API pods`, seconds, async () => ((await count()) >= least ? true : undefined));
const leader = async () => (await kube.get("lease", "scaler", app))?.spec?.holderIdentity as string | undefined;

step("the system is up with the fast scaler, and the next diff is empty", async () => {
  await expectNoDeployment();
  before = await inventory();
  expect((await npmRunWith(settings, "up")).code).toBe(0);
  expect((await npmRunWith(settings, "diff")).code).toBe(0);
  expect((await npmRunWith(settings, "smoke")).code).toBe(0);
  const [scaler, ...others] = (await pods("scaler")).filter(isReady);
  expect(others).toEqual([]);
  await eventually("its pod to lead", 30, async () => ((await leader()) === scaler!.metadata.name ? true : undefined));
  await allowLoadToApi();
});

step("API pods are added within seconds of a load, no more than it needs, and every request is answered", async () => {
  const old = new Set((await pods("node")).map((pod) => pod.metadata.name));
  const load = await startLoad(300, 60, { target: NODE });
  try {
    await atLeast(4, 60);
    const result = await load.result();
    const added = (await pods("node")).filter((pod) => !old.has(pod.metadata.name));
    const first = (Math.min(...added.map(created)) - result.begin) / 1000;
    console.log(`first new API pod ${first.toFixed(1)} s after the first request; ${added.length} added`);
    expect(first).toBeLessThan(MAX_REACTION);
    // 300 requests per second at 80 for each pod need four; while new pods warm up, CPU may ask for one more
    expect(old.size + added.length).toBeLessThanOrEqual(5);
    expectAllAnswered(result);
  } finally {
    await load.remove();
  }
});

step(
  "once neither load nor CPU has needed them for the window, pods are removed; a diff is empty meanwhile",
  async () => {
    const diff = npmRunWith(settings, "diff");
    await eventually("two API pods", 300, async () => ((await count()) === 2 ? true : undefined));
    expect((await diff).code).toBe(0);
  },
);

step("when its pod is killed under load, nothing is removed, and the pod that replaces it takes over", async () => {
  const load = await startLoad(400, 90, { target: NODE });
  try {
    await atLeast(3, 30);
    const old = await leader();
    const seen = await lowestCounts(async () => {
      await kube.raw(["-n", app, "delete", "pod", old!, "--grace-period=0", "--force"]);
      await eventually("another leader", 60, async () => (((await leader()) ?? old) !== old ? true : undefined));
      await atLeast(5, 60);
    });
    expect(seen["node"]).toBeGreaterThanOrEqual(3);
    expectAllAnswered(await load.result());
  } finally {
    await load.remove();
  }
});

step(
  "without it, CPU still adds pods, nothing is removed, and FastScalerDown fires; once it is back, it scales",
  async () => {
    await kube.raw(["-n", app, "scale", "deploy", "scaler", "--replicas=0"]);
    await eventually("its pods to be deleted", 60, async () => ((await pods("scaler")).length ? undefined : true));
    await kube.raw(["-n", app, "scale", "deploy", "node", "--replicas=2"]);
    const load = await startLoad(900, 150, { target: NODE });
    const seen = await lowestCounts(async () => {
      try {
        await atLeast(3, 140);
        await load.result();
      } finally {
        await load.remove();
      }
      await firing("FastScalerDown", 420);
    });
    expect(seen["node"]).toBeGreaterThanOrEqual(2);
    const kept = await count();
    expect((await npmRunWith(settings, "up")).code).toBe(0);
    await eventually("its pod", 60, async () => ((await pods("scaler")).some(isReady) ? true : undefined));
    console.log(`${kept} API pods without the scaler`);
    await eventually("two API pods", 420, async () => ((await count()) === 2 ? true : undefined));
  },
);

step(
  "turning it off is an ordinary deployment, after which the HorizontalPodAutoscaler also removes pods",
  async () => {
    const off = { ...settings, IAC_SCALING_FAST: "false" };
    const seen = await lowestCounts(async () => {
      expect((await npmRunWith(off, "up")).code).toBe(0);
    });
    expect(seen["node"]).toBeGreaterThanOrEqual(2);
    expect(await kube.get("deploy", "scaler", app)).toBeUndefined();
    const behavior = (await kube.get("hpa", "node", app))!.spec.behavior as { scaleDown: { selectPolicy?: string } };
    expect(behavior.scaleDown.selectPolicy).not.toBe("Disabled");
    expect((await npmRunWith(off, "diff")).code).toBe(0);
  },
);

step("`down` removes everything that `up` deployed, and nothing else", async () => {
  expect((await npmRunWith(settings, "up")).code).toBe(0);
  expect((await npmRunWith(settings, "down", "--yes")).code).toBe(0);
  await expectAsBefore(before);
});
