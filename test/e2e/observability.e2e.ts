/**
 * Tier `observability`: every panel's query returns data under load, and every alert whose condition can be caused within
 * minutes fires and is resolved afterwards. Tier `quiet-baseline` checks that no alert fires without a cause.
 * `RECORD=1` rewrites test/dashboards/exported.json.
 */
import * as fs from "node:fs";
import { EXPORTED_FILE, exported, exportedBySome, type ExportedSeries } from "../dashboards/exported";
import { annotationExpressions, panelExpressions, ruleExpressions } from "../dashboards/expressions";
import { seriesOf } from "../dashboards/promql";
import { activeAlerts, firing, inhibited, resolved } from "./helpers/alerts";
import { allowLoadToApi, removeLoad, startLoad } from "./helpers/load";
import { removeAfterFailure, step } from "./helpers/steps";
import {
  app,
  eventually,
  expectAsBefore,
  expectNoDeployment,
  inventory,
  isReady,
  workloadPods,
  kube,
  npmRunWith,
  prometheus,
  query,
  redis,
  specReplicas,
} from "./helpers/system";

const env = { IAC_REDIS_BACKUP_SCHEDULE: "*/20 * * * *" };
const NODE = `http://node.${app}.svc:3000/item`;

let before: string[];
afterAll(removeLoad);
removeAfterFailure(env);

type Workload = readonly [kind: "deploy" | "statefulset", name: string];
const scale = ([kind, name]: Workload, replicas: number) =>
  kube.raw(["-n", app, "scale", kind, name, `--replicas=${replicas}`]);
const patchHpa = (name: string, spec: object) =>
  kube.raw(["-n", app, "patch", "hpa", name, "--type=merge", "-p", JSON.stringify({ spec })]);
const allReady = (seconds: number) =>
  eventually("every pod to be Ready", seconds, async () => {
    return (await workloadPods()).every(isReady) ? true : undefined;
  });

/** Runs `during` under a load, which ends when `during` does. */
async function underLoad<T>(
  rate: number,
  options: { seconds: number; writes?: number; target?: string },
  during: () => Promise<T>,
): Promise<T> {
  const load = await startLoad(rate, options.seconds, options);
  try {
    return await during();
  } finally {
    await load.remove();
  }
}

step("the system is up, and none of the project's alerts is pending or firing", async () => {
  await expectNoDeployment();
  before = await inventory();
  expect((await npmRunWith(env, "up")).code).toBe(0);
  await allowLoadToApi();
  await eventually("the first evaluation", 120, async () => ((await activeAlerts()).length ? true : undefined));
  // a briefly pending alert is fine: an autoscaler has no metrics for pods that have just started
  await eventually("the project's alerts to stop pending", 120, async () => {
    const ours = (await activeAlerts()).filter((a) => a.labels["part_of"] === "iacproject");
    expect(ours.filter((a) => a.state === "firing")).toEqual([]);
    if (!ours.length) return true;
    throw new Error(ours.map((a) => a.labels["alertname"]).join(", "));
  });
});

step("every query in every panel returns data under load", async () => {
  await underLoad(120, { seconds: 300, writes: 20 }, async () => {
    const missing = new Set(panelExpressions(app));
    await eventually("data for every query", 240, async () => {
      for (const e of missing) if ((await query(e.expr)).some((r) => r.value[1] !== "NaN")) missing.delete(e);
      if (!missing.size) return true;
      throw new Error(`no data for ${[...missing].map((e) => `${e.origin}: ${e.expr}`).join("\n")}`);
    });
  });
});

step(
  "with main down, RedisMainDown fires and the alerts about its consequences are inhibited; once main is back, all are resolved",
  async () => {
    await underLoad(100, { seconds: 400, writes: 50, target: NODE }, async () => {
      // the burn rate needs requests to compare with
      await new Promise((resolve) => setTimeout(resolve, 30_000));
      await scale(["statefulset", "redis-main"], 0);
      await firing("RedisMainDown", 120);
      await firing("RedisReplicaUnlinked", 150);
      await firing("ApiBudgetBurnsFast", 240, { objective: "availability" });
      await eventually("RedisReplicaUnlinked to be inhibited", 60, async () =>
        (await inhibited("RedisReplicaUnlinked")) ? true : undefined,
      );
      await scale(["statefulset", "redis-main"], 1);
      await resolved("RedisMainDown");
      await resolved("RedisReplicaUnlinked");
    });
  },
);

step("with the replicas down, reads go to main, and ApiReadsFromMain fires", async () => {
  const min = await specReplicas("statefulset", "redis-replicas");
  await underLoad(150, { seconds: 360, target: NODE }, async () => {
    await scale(["statefulset", "redis-replicas"], 0);
    await firing("ApiReadsFromMain", 300);
  });
  await scale(["statefulset", "redis-replicas"], min);
  await resolved("ApiReadsFromMain");
});

step("two mains, and a replica that hangs", async () => {
  await allReady(420);
  await redis("redis-replicas-0", "REPLICAOF", "NO", "ONE");
  await redis("redis-replicas-1", "CLIENT", "PAUSE", "240000", "ALL");
  await firing("RedisTwoMains", 120);
  await firing("RedisReplicaDown", 240, { instance: "redis-replicas-1" });
  await kube.raw(["-n", app, "delete", "pod", "redis-replicas-0", "redis-replicas-1", "--now"], { timeoutMs: 90_000 });
  await resolved("RedisTwoMains");
  await resolved("RedisReplicaDown");
});

step("with the exporter, the front and the API down, each has its alert, and RedisMainDown does not fire", async () => {
  await scale(["deploy", "redis-exporter"], 0);
  await scale(["deploy", "react"], 0);
  await firing("FrontDown", 180);
  await firing("RedisExporterBlind", 300);
  const fired = (await activeAlerts()).filter((a) => a.state === "firing").map((a) => a.labels["alertname"]);
  expect(fired).not.toContain("RedisMainDown");
  // manually scaling a workload to 0 does not make its autoscaler blind
  expect(fired).not.toContain("AutoscalerBlind");
  await scale(["deploy", "node"], 0);
  await firing("ApiDown", 180);
  for (const name of ["redis-exporter", "react", "node"]) await scale(["deploy", name], 1);
  for (const alert of ["RedisExporterBlind", "FrontDown", "ApiDown"]) await resolved(alert);
});

step("memory runs out: usage first nears the limit, then writes are refused, then keys are evicted", async () => {
  await allReady(420);
  const { output } = await npmRunWith(env, "smoke");
  expect(output).toContain("✓");
  const used = Number(/used_memory:(\d+)/.exec(await redis("redis-main-0", "INFO", "memory"))![1]);
  await redis("redis-main-0", "CONFIG", "SET", "maxmemory", String(Math.round(used / 0.9)));
  await underLoad(60, { seconds: 420, writes: 50, target: NODE }, async () => {
    await firing("RedisMemoryNearLimit", 420, { instance: "redis-main-0" });
    await redis("redis-main-0", "CONFIG", "SET", "maxmemory", "1mb");
    await firing("RedisRefusesWrites", 90);
    await redis("redis-main-0", "CONFIG", "SET", "maxmemory-policy", "allkeys-lru");
    await firing("RedisEvicting", 120);
  });
  // as the alert's runbook says
  await kube.raw(["-n", app, "delete", "pod", "redis-main-0"], { timeoutMs: 120_000 });
  await resolved("RedisMemoryNearLimit");
  await resolved("RedisRefusesWrites");
  await resolved("RedisEvicting");
});

step("under overload the API sheds load, and the autoscaler is at its maximum", async () => {
  await allReady(420);
  await kube.raw(["-n", app, "set", "env", "deploy/node", "MAX_IN_FLIGHT=1"]);
  await kube.raw(["-n", app, "rollout", "status", "deploy/node", "--timeout=120s"], { timeoutMs: 130_000 });
  // shedding load needs little CPU, and this machine may be busy; a low target makes the autoscaler scale out
  const target = { type: "Utilization", averageUtilization: 8 };
  const metrics = [{ type: "ContainerResource", containerResource: { name: "cpu", container: "node", target } }];
  await patchHpa("node", { maxReplicas: 2, metrics });
  await underLoad(700, { seconds: 480, target: NODE }, async () => {
    await firing("ApiRefusing", 300);
    await firing("AutoscalerAtMaximum", 450);
  });
  expect((await npmRunWith(env, "up")).code).toBe(0);
  await resolved("ApiRefusing");
  await resolved("AutoscalerAtMaximum");
});

step("a container that keeps restarting raises an alert", async () => {
  await allReady(420);
  const [pod] = (await kube.list("pods", "-n", app, "-l", "app.kubernetes.io/name=node")).map((p) => p.metadata.name);
  for (let i = 0; i < 4; i++) {
    await kube.raw(["-n", app, "exec", pod!, "-c", "node", "--", "node", "-e", "process.kill(1)"]).catch(() => "");
    await eventually("the container to be restarted", 120, async () =>
      ((await kube.get("pod", pod!, app))?.status?.containerStatuses?.[0]?.restartCount as number) > i
        ? true
        : undefined,
    );
  }
  await firing("PodRestarting", 120, { pod: pod! });
  await kube.raw(["-n", app, "delete", "pod", pod!], { timeoutMs: 120_000 });
  await resolved("PodRestarting");
});

step("a container whose memory limit is below its usage is killed, and PodKilledForMemory fires", async () => {
  await allReady(420);
  // the kernel must kill process 1, which uses 28 MiB when idle (with cgroup v1 it kills only the larger of two
  // processes)
  await kube.raw(["-n", app, "set", "resources", "deploy/node", "--requests=memory=16Mi", "--limits=memory=22Mi"]);
  await firing("PodKilledForMemory", 240);
  expect((await npmRunWith(env, "up")).code).toBe(0);
  await resolved("PodKilledForMemory");
});

step("an autoscaler that is flapping raises an alert", async () => {
  const { minReplicas, maxReplicas } = (await kube.get("hpa", "redis-exporter", app))!.spec as Record<string, number>;
  for (let turn = 0; turn < 6; turn++) {
    for (const count of [3, 2]) {
      await patchHpa("redis-exporter", { minReplicas: count, maxReplicas: count });
      await eventually(`${count} exporters`, 60, async () =>
        (await specReplicas("deploy", "redis-exporter")) === count ? true : undefined,
      );
      // kube-state-metrics is scraped every 30 s
      await new Promise((resolve) => setTimeout(resolve, 31_000));
    }
  }
  await firing("AutoscalerFlapping", 120, { horizontalpodautoscaler: "redis-exporter" });
  await patchHpa("redis-exporter", { minReplicas, maxReplicas });
});

step("a failed scheduled backup raises an alert, which the next successful one resolves", async () => {
  const patch = (schedule: string, host: string) =>
    kube.raw([
      "-n",
      app,
      "patch",
      "cronjob",
      "redis-backup",
      "--type=json",
      "-p",
      JSON.stringify([
        { op: "replace", path: "/spec/schedule", value: schedule },
        { op: "replace", path: "/spec/jobTemplate/spec/backoffLimit", value: 0 },
        { op: "replace", path: "/spec/jobTemplate/spec/template/spec/containers/0/command/2", value: host },
      ]),
    ]);
  await patch("* * * * *", "nobody");
  await firing("RedisBackupFailing", 240);
  await patch("* * * * *", "redis-main");
  await resolved("RedisBackupFailing");
  // restores the schedule
  expect((await npmRunWith(env, "up")).code).toBe(0);
});

step("the metrics that panels and rules query are exported, with the labels that the unit tests expect", async () => {
  const wanted = new Set(
    [...panelExpressions(app), ...annotationExpressions(app), ...ruleExpressions]
      .flatMap((e) => seriesOf(e.expr))
      .map((s) => s.metric)
      .filter((metric) => !metric.includes(":") && metric !== "ALERTS")
      .filter((metric) => !exportedBySome.some((s) => s.metric === metric)),
  );
  const found: ExportedSeries[] = [];
  for (const metric of [...wanted].sort()) {
    // includes series that no longer exist
    const series = await prometheus<Record<string, string>[]>(`series?match[]=${metric}`);
    if (!series.length) continue;
    const labels = [...new Set(series.flatMap(Object.keys))].filter((l) => l !== "__name__").sort();
    found.push({ metric, labels });
  }
  expect([...wanted].filter((metric) => !found.some((f) => f.metric === metric))).toEqual([]);
  if (process.env["RECORD"]) fs.writeFileSync(EXPORTED_FILE, `${JSON.stringify(found, null, 1)}\n`);
  else
    for (const { metric, labels } of exported)
      expect({ metric, labels: found.find((f) => f.metric === metric)?.labels }).toEqual({
        metric,
        labels: expect.arrayContaining([...labels]),
      });
});

step("`down` removes everything that `up` deployed, and nothing else", async () => {
  expect((await npmRunWith(env, "down", "--yes")).code).toBe(0);
  await expectAsBefore(before);
});
