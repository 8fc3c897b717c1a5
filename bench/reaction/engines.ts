/** Sets up the three autoscalers to compare, on the same pods. */
import { METRIC_RESOLUTION_SECONDS } from "../../modules/autoscaling/autoscaler";
import { METRICS_SERVER } from "../../modules/autoscaling/metrics-server";
import { app, config, eventually, isReady, kube, npmRunWith } from "../../test/e2e/helpers/system";
import { pause } from "../lib";

export const ENGINES = ["stock", "hpa", "keda"] as const;
export type Engine = (typeof ENGINES)[number];

/** Default metric resolution in metrics-server's chart and manifests, in seconds. */
const STOCK_RESOLUTION_SECONDS = 15;
export const { min: MIN, max: MAX, cpuTarget: TARGET } = config.scaling.node;

/** Settings without monitoring, which is not measured here and would use CPU time. */
export const settings = (engine: Engine, capacity = 0): Record<string, string> => ({
  IAC_OBSERVABILITY: "none",
  // the equivalent of the CPU target, in requests
  ...(capacity ? { IAC_SCALING_NODE_REQUESTS_PER_POD: String(capacity) } : {}),
  IAC_SCALING_ENGINE: engine === "keda" ? "keda" : "hpa",
});

/** A typical HorizontalPodAutoscaler: a CPU target, and Kubernetes' defaults for all other settings. */
const STOCK = {
  minReplicas: MIN,
  maxReplicas: MAX,
  scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "node" },
  metrics: [
    { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: TARGET } } },
  ],
};

let projectSpec: object | undefined;

/** Sets up an engine: one of the project's, as a user would deploy it, or the stock HPA. */
export async function use(engine: Engine, capacity: number): Promise<void> {
  const { code, seconds } = await npmRunWith(settings(engine, capacity), "up");
  if (code !== 0) throw new Error(`up with engine ${engine} failed`);
  console.log(`engine ${engine}: deployed in ${seconds.toFixed(0)} s`);
  if (engine !== "keda") projectSpec = (await kube.get("hpa", "node", app))!.spec as object;
  await metricsEvery(engine === "stock" ? STOCK_RESOLUTION_SECONDS : METRIC_RESOLUTION_SECONDS);
}

async function metricsEvery(seconds: number): Promise<void> {
  const { namespace, release } = METRICS_SERVER;
  const args = async () =>
    (await kube.get("deploy", release, namespace))!.spec.template.spec.containers[0].args as string[];
  const before = await args();
  const wanted = before.map((arg) =>
    arg
      .replace(/^(--metric-resolution)=.*/, `$1=${seconds}s`)
      // the default is 10 s, but the timeout must be less than 90 % of the resolution
      .replace(/^(--kubelet-request-timeout)=.*/, `$1=${Math.min(10, seconds - 1)}s`),
  );
  if (wanted.join() !== before.join()) {
    const patch = [{ op: "replace", path: "/spec/template/spec/containers/0/args", value: wanted }];
    await kube.raw(["-n", namespace, "patch", "deploy", release, "--type=json", "-p", JSON.stringify(patch)]);
    await kube.raw(["-n", namespace, "rollout", "status", "deploy", release, "--timeout=120s"], { timeoutMs: 130_000 });
  }
  if (!(await args()).includes(`--metric-resolution=${seconds}s`))
    throw new Error("metrics-server has a different resolution");
}

/** CPU usage of each API pod, as metrics-server reports it, in millicores. */
async function cpu(): Promise<number[]> {
  type PodMetrics = { containers: { name: string; usage: { cpu: string } }[] };
  const list = JSON.parse(
    await kube.raw([
      "get",
      "--raw",
      `/apis/metrics.k8s.io/v1beta1/namespaces/${app}/pods?labelSelector=app.kubernetes.io/name=node`,
    ]),
  ) as { items: PodMetrics[] };
  const milli = (q: string) =>
    q.endsWith("n")
      ? parseFloat(q) / 1e6
      : q.endsWith("u")
        ? parseFloat(q) / 1e3
        : q.endsWith("m")
          ? parseFloat(q)
          : parseFloat(q) * 1e3;
  return list.items.map((pod) => milli(pod.containers.find((c) => c.name === "node")!.usage.cpu));
}

/** Removes the autoscaler and its history, pins the number of pods to `count`, and waits until they are idle. */
export async function rest(engine: Engine, count: number): Promise<void> {
  if (engine !== "keda") await kube.raw(["-n", app, "delete", "hpa", "node", "--ignore-not-found"]);
  await kube.raw(["-n", app, "scale", "deploy", "node", `--replicas=${count}`]);
  await eventually(`${count} pods of the API`, 120, async () => {
    const pods = await kube.list("pods", "-n", app, "-l", "app.kubernetes.io/name=node");
    return pods.length === count && pods.every(isReady) ? true : undefined;
  });
  // the metrics must no longer contain the previous load
  await eventually("the pods to be idle", 120, async () => {
    const now = await cpu();
    return now.length === count && now.every((milli) => milli < 30) ? true : undefined;
  });
}

/**
 * Creates a new autoscaler for the API, which then syncs every 15 s. Returns the time of creation, in ms since the
 * epoch.
 */
export async function arm(engine: Engine): Promise<number> {
  if (engine === "keda") {
    // KEDA recreates it at once
    await kube.raw(["-n", app, "delete", "hpa", "node"]);
  } else {
    const hpa = {
      apiVersion: "autoscaling/v2",
      kind: "HorizontalPodAutoscaler",
      metadata: { name: "node", namespace: app },
      spec: engine === "stock" ? STOCK : projectSpec!,
    };
    await kube.raw(["create", "-f", "-"], { input: JSON.stringify(hpa) });
  }
  const createdAt = Date.now();
  await eventually("the autoscaler to read its metrics", 60, async () => {
    const hpa = await kube.get("hpa", "node", app);
    type Condition = { type: string; status: string };
    const conditions = (hpa?.status?.conditions ?? []) as Condition[];
    return conditions.some((c) => c.type === "ScalingActive" && c.status === "True") ? true : undefined;
  });
  return createdAt;
}

/** Mean CPU usage per pod over the next `seconds`, in millicores. */
export async function meanCpu(seconds: number): Promise<number> {
  const seen: number[] = [];
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await pause(5000)) seen.push(...(await cpu()));
  return seen.reduce((a, b) => a + b) / seen.length;
}
