/**
 * Tier `api`: how callers are affected while the pods behind the API's address change. New replicas and new API pods
 * get their share of the load at once, and rollouts and scale-ins fail no requests.
 *
 * The figures are written to docs/benchmarks.md.
 */
import { PROJECT_ROOT } from "../../catalog/paths";
import { Figures } from "../helpers/publish";
import { allowLoadToApi, removeLoad, startLoad, type LoadResult } from "./helpers/load";
import { PodMetrics, type Sample } from "./helpers/pod-metrics";
import { removeAfterFailure, step } from "./helpers/steps";
import { app, beyondBase, eventually, expectNoDeployment, isReady, kube, npmRunWith } from "./helpers/system";

/** Enough pods of each workload to allow a scale-in; monitoring is not tested here. */
const settings = {
  IAC_OBSERVABILITY: "none",
  IAC_SCALING_REPLICAS_MIN: "3",
  IAC_SCALING_NODE_MIN: "3",
};
const NODE = `http://node.${app}.svc:3000/item`;
const figures = new Figures();

removeAfterFailure(settings);
afterAll(removeLoad);

/** Pins an autoscaler to `size` and waits until exactly `size` pods exist, all Ready, none terminating. */
async function pin(kind: "deploy" | "statefulset", name: string, label: string, size: number): Promise<void> {
  const spec = { spec: { minReplicas: size, maxReplicas: size } };
  await kube.raw(["-n", app, "patch", "hpa", name, "--type=merge", "-p", JSON.stringify(spec)]);
  // at once, instead of waiting for the autoscaler's next sync
  await kube.raw(["-n", app, "scale", kind, name, `--replicas=${size}`]);
  await eventually(`${size} pods of ${name}`, 180, async () => {
    const pods = await kube.list("pods", "-n", app, "-l", `app.kubernetes.io/name=${label}`);
    return pods.length === size && pods.every(isReady) ? true : undefined;
  });
}

const failed = (r: LoadResult): number =>
  Object.entries(r.seen)
    .filter(([what]) => !["200", "404"].includes(what))
    .reduce((sum, [, count]) => sum + count, 0);

/** Requests that each replica answered between two samples, summed over all API pods. */
function shares(from: Sample, to: Sample, metric: string): Map<string, number> {
  const sum = new Map<string, number>();
  for (const [pod, values] of to.pods) {
    for (const [name, value] of values) {
      if (!name.startsWith(metric)) continue;
      const key = /instance_name="([^"]+)"/.exec(name)?.[1] ?? pod;
      sum.set(key, (sum.get(key) ?? 0) + value - (from.pods.get(pod)?.get(name) ?? 0));
    }
  }
  return sum;
}

step("the system is up, with three API pods and three replicas", async () => {
  await expectNoDeployment();
  expect((await npmRunWith(settings, "up")).code).toBe(0);
  await allowLoadToApi();
  await pin("deploy", "node", "node", 3);
  await pin("statefulset", "redis-replicas", "redis-replica", 3);
});

step("the image adds little to its base, runs as non-root and cannot write to its root filesystem", async () => {
  const [pod] = await kube.list("pods", "-n", app, "-l", "app.kubernetes.io/name=node");
  const { image, securityContext } = pod!.spec.containers[0];
  expect(securityContext.readOnlyRootFilesystem).toBe(true);
  expect(pod!.spec.securityContext.runAsNonRoot).toBe(true);
  const more = beyondBase(image as string, "node");
  figures.note("image size beyond its base", `${more.toFixed(1)} MB`, "≤ 30 MB", more <= 30);
  expect(more).toBeLessThanOrEqual(30);
});

/**
 * Adds and removes three replicas under load, and measures their share of the reads and the number of failed requests.
 */
async function replicasComeAndGo(by: "watch" | "dns"): Promise<void> {
  const load = await startLoad(300, 90, { target: NODE, writes: 5 });
  try {
    await PodMetrics.during(app, "node", 200, async (metrics) => {
      await eventually(
        "the load to reach the API",
        60,
        async () => (await metrics.rate("redis_pool_reads_total")) > 100 || undefined,
      );
      const readiness = await metrics.watchReady("redis-replicas");
      await pin("statefulset", "redis-replicas", "redis-replica", 6);
      await new Promise((resolve) => setTimeout(resolve, 5000));
      const found = [];
      for (const name of ["redis-replicas-3", "redis-replicas-4", "redis-replicas-5"]) {
        const ready = readiness.get(name)!;
        // reads in the third second after Ready, shared by all replicas that were Ready by then
        const got = shares(metrics.at(ready + 2000), metrics.at(ready + 3000), "redis_pool_reads_total");
        const total = [...got.values()].reduce((a, b) => a + b, 0);
        const members = [...readiness.entries()].filter(([, at]) => at <= ready + 2000).length;
        // with DNS the API knows addresses, not pod names
        const ip = (await kube.get("pod", name, app))!.status.podIP as string;
        const known = by === "dns" ? `${ip}:6379` : name;
        const first = metrics.firstAbove("redis_pool_reads_total", known, 0);
        found.push({ name, share: (got.get(known) ?? 0) / (total / members), firstReadMs: first - ready, members });
      }
      figures.raw[`new replicas, by ${by}`] = found;
      const least = Math.min(...found.map((f) => f.share));
      figures.note(
        `share of a new replica in its third second after Ready, lowest of three, discovery by ${by}`,
        `${(least * 100).toFixed(0)} % of the fair share; first read seen ${found.map((f) => f.firstReadMs).join(", ")} ms after Ready`,
        by === "watch" ? "≥ 80 %" : "as DNS caching allows",
        by === "dns" || least >= 0.8,
      );
      if (by === "watch") expect(least).toBeGreaterThanOrEqual(0.8);
    });
    await pin("statefulset", "redis-replicas", "redis-replica", 3);
    const result = await load.result();
    figures.note(
      `reads and writes while replicas went 3 → 6 → 3, discovery by ${by}`,
      `${failed(result)} failed of ${result.sent}`,
      "0",
      failed(result) === 0,
    );
    expect(result.failures).toEqual([]);
    expect(failed(result)).toBe(0);
  } finally {
    await load.remove();
  }
}

step(
  "three new replicas serve their share of reads within 3 s of becoming Ready, and their removal fails no reads",
  () => replicasComeAndGo("watch"),
);

step("a new API pod gets its share of keep-alive connections, directly and behind the page", async () => {
  for (const [name, target] of [
    ["directly", NODE],
    ["behind the page", undefined],
  ] as const) {
    await pin("deploy", "node", "node", 3);
    // each connection goes to a random pod, so a stable share takes many connections; each is used twice per second
    const load = await startLoad(400, 75, { ...(target ? { target } : {}), connections: 200 });
    try {
      await eventually("the load to run", 60, async () =>
        (await kube.get("pod", "e2e-load", "default"))?.status?.phase === "Running" ? true : undefined,
      );
      const before = (await kube.list("pods", "-n", app, "-l", "app.kubernetes.io/name=node")).map(
        (p) => p.metadata.name,
      );
      await pin("deploy", "node", "node", 4);
      const ready = Date.now();
      await PodMetrics.during(app, "node", 500, async (metrics) => {
        await new Promise((resolve) => setTimeout(resolve, 25_000));
        const fresh = metrics.pods.find((p) => !before.includes(p))!;
        const shareIn = (from: number, to: number) => {
          const got = shares(metrics.at(ready + from), metrics.at(ready + to), "http_requests");
          const total = [...got.values()].reduce((a, b) => a + b, 0);
          return (got.get(fresh) ?? 0) / (total / 4);
        };
        const steps = [5000, 10_000, 15_000, 20_000, 25_000];
        const found = steps.map((ms) => `${(shareIn(ms - 5000, ms) * 100).toFixed(0)} %`);
        // 200 connections go to random pods: over two connection lifetimes the shares even out
        const settled = shareIn(10_000, 25_000);
        figures.raw[`new API pod, ${name}`] = {
          settled,
          steps: steps.map((ms) => ({ ms, share: shareIn(ms - 5000, ms) })),
        };
        figures.note(
          `share of a new API pod, ${name}`,
          `${(settled * 100).toFixed(0)} % of the fair share from second 10 to 25; in steps of 5 s: ${found.join(", ")}`,
          "≥ 80 % in the end",
          settled >= 0.8,
        );
        expect(settled).toBeGreaterThanOrEqual(0.8);
      });
      const result = await load.result();
      expect(result.failures).toEqual([]);
    } finally {
      await load.remove();
    }
  }
});

step(
  "one front pod handles more requests than would be possible with one connection per request, which would exhaust its ports",
  async () => {
    await pin("deploy", "react", "react", 1);
    const load = await startLoad(800, 80);
    try {
      const result = await load.result();
      figures.raw["through one page pod"] = result;
      figures.note(
        "800 requests/s for 80 s through one front pod",
        `${failed(result)} failed of ${result.sent}, ${result.late} not sent (p99 ${result.p99} ms)`,
        "0 failed",
        failed(result) === 0,
      );
      expect(result.failures).toEqual([]);
      expect(result.sent).toBeGreaterThan(50_000);
    } finally {
      await load.remove();
    }
    await pin("deploy", "react", "react", 2);
  },
);

let rate = 0;
step("the capacity of three API pods on this machine is measured", async () => {
  await pin("deploy", "node", "node", 3);
  const load = await startLoad(0, 20, { target: NODE, writes: 10 });
  try {
    const result = await load.result();
    expect(result.failures).toEqual([]);
    const capacity = result.sent / result.seconds;
    rate = Math.floor(capacity * 0.7);
    figures.raw["capacity"] = { perSecond: capacity, p99: result.p99, rate };
    console.log(`capacity ${capacity.toFixed(0)}/s, 70 % of it ${rate}/s`);
  } finally {
    await load.remove();
  }
});

for (const [what, times, change] of [
  [
    "rollouts",
    10,
    async () => {
      await kube.raw(["-n", app, "rollout", "restart", "deploy", "node"]);
      await kube.raw(["-n", app, "rollout", "status", "deploy", "node", "--timeout=180s"], { timeoutMs: 200_000 });
      await pin("deploy", "node", "node", 3);
    },
  ],
  [
    "scale-ins from 5 to 3",
    10,
    async () => {
      await pin("deploy", "node", "node", 5);
      await pin("deploy", "node", "node", 3);
    },
  ],
] as const) {
  step(`ten ${what} at 70 % of that capacity fail no request`, async () => {
    const results: LoadResult[] = [];
    let done = 0;
    while (done < times) {
      const load = await startLoad(rate, 100, { target: NODE, writes: 10 });
      try {
        const end = Date.now() + 85_000;
        await eventually("the load to run", 60, async () =>
          (await kube.get("pod", "e2e-load", "default"))?.status?.phase === "Running" ? true : undefined,
        );
        while (done < times && Date.now() < end - 25_000) {
          await change();
          console.log(`${what}: ${++done} of ${times}`);
        }
        results.push(await load.result());
      } finally {
        await load.remove();
      }
    }
    const sum = (of: (r: LoadResult) => number) => results.reduce((a, r) => a + of(r), 0);
    const [sent, lost, late] = [sum((r) => r.sent), sum(failed), sum((r) => r.late)];
    const p99 = Math.max(...results.map((r) => r.p99));
    figures.raw[what] = { rate, sent, failed: lost, late, p99, failures: results.flatMap((r) => r.failures) };
    figures.note(
      `keep-alive requests across ten ${what}, at 70 % of capacity`,
      `**${lost} failed of ${sent}** at ${rate}/s (p99 ${p99} ms; ${late} not sent because no connection was free)`,
      "0 failed",
      lost === 0,
    );
    expect(results.flatMap((r) => r.failures)).toEqual([]);
    expect(sent).toBeGreaterThan(100_000);
  });
}

const byDns = { ...settings, IAC_NODE_DISCOVERY: "dns" };
step("with DNS discovery, which needs no Role, no reads fail either", async () => {
  expect((await npmRunWith(byDns, "up")).code).toBe(0);
  await pin("deploy", "node", "node", 3);
  await pin("statefulset", "redis-replicas", "redis-replica", 3);
  await replicasComeAndGo("dns");
});

step("the figures are published, and the deployment is removed", async () => {
  figures.publish(PROJECT_ROOT, "e2e-api");
  expect((await npmRunWith(byDns, "down", "--yes")).code).toBe(0);
});
