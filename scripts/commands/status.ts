/** `npm run status`: shows each workload's pods, autoscaler limits, signals and image. */
import { loadConfig } from "../../config";
import { SCALER_LEASE, SCALER_VIEW } from "../../catalog/names";
import { WORKLOAD_NAME } from "../../catalog/workloads";
import { deployedComponents } from "../../modules/kubernetes/sizing";
import type { AutoscalerMetric, MetricTarget } from "../cluster/kube-object";
import { Kube, type KubeObject } from "../cluster/kubectl";
import { ourNamespaces, readyPods } from "../deploy/readiness";
import { dim, Failure, green, red, say, table, yellow } from "../terminal/ui";

const WATCH_MS = 2000;
/** After this time without a renewal of its Lease, the fast scaler counts as silent, ms; clocks may differ a little. */
const SCALER_SILENT_MS = 30_000;

export async function status(options: { watch: boolean }): Promise<void> {
  const config = loadConfig();
  const kube = new Kube(config);
  const where = await kube.describe();
  await kube.ping();
  // this command changes nothing, so Ctrl+C may stop it immediately
  if (options.watch) process.removeAllListeners("SIGINT");
  for (;;) {
    const text = await statusTable(kube);
    if (!options.watch) return say(text);
    // redraw from the top of the screen, so that lines do not jump
    process.stdout.write(process.stdout.isTTY ? "\u001b[H\u001b[2J" : "");
    say(dim(`${where}   ${new Date().toLocaleTimeString()}   Ctrl+C stops it`));
    say(text);
    await new Promise((resolve) => setTimeout(resolve, WATCH_MS));
  }
}

/** The table of all workloads. @throws if none is deployed */
export async function statusTable(kube: Kube): Promise<string> {
  const { app } = kube.config.namespaces;
  const objects = await kube.list("deployments,statefulsets,hpa", "-n", app);
  const workloads = objects.filter((o) => o.kind !== "HorizontalPodAutoscaler");
  if (!workloads.length) throw new Failure(`Nothing is deployed in namespace ${app}.`, "Deploy it: npm run up");
  const fast = kube.config.scaling.fast ? fastSignals(...(await kube.visible("lease", SCALER_LEASE, "-n", app))) : {};
  const rows = deployedComponents(kube.config).map((component) => {
    const name = WORKLOAD_NAME[component];
    const workload = workloads.find((w) => w.metadata.name === name);
    const hpa = objects.find((o) => o.kind === "HorizontalPodAutoscaler" && o.metadata.name === name);
    return workload ? row(workload, hpa, fast[name]) : [name, red("missing"), "", "", ""];
  });
  // including Prometheus' pods, because Prometheus cannot report the loss of its own node
  const pods = await Promise.all(ourNamespaces(kube.config).map((name) => kube.visible("pods", "-n", name)));
  const lost = lostPods(pods.flat());
  return [
    table([["workload", "ready", "min–max", "signals now/target", "image"].map(dim), ...rows]),
    ...lost.map(
      ({ pod, node }) =>
        `${yellow(`${pod} is on node ${node}, which has stopped reporting; Kubernetes does not replace the pod.`)} If that machine stays off: kubectl delete node ${node} (docs/runbooks/PodOnLostNode.md)`,
    ),
  ].join("\n");
}

/**
 * StatefulSet pods on lost nodes. Kubernetes marks such a pod as not Ready, but its containers keep the status Ready,
 * because only the kubelet could change it. So this needs no permission to read nodes.
 */
export function lostPods(pods: readonly KubeObject[]): readonly { readonly pod: string; readonly node: string }[] {
  return pods
    .filter((pod) => {
      const ready = pod.status?.conditions?.find((c) => c.type === "Ready");
      const containers = pod.status?.containerStatuses ?? [];
      return (
        pod.metadata.ownerReferences?.some((owner) => owner.kind === "StatefulSet") &&
        ready?.status === "False" &&
        containers.length > 0 &&
        containers.every((container) => container.ready)
      );
    })
    .map((pod) => ({ pod: pod.metadata.name, node: pod.spec?.nodeName ?? "?" }));
}

/** Current and target value of each signal of an autoscaler. */
export function signals(hpa: KubeObject): string[] {
  const currents = hpa.status?.currentMetrics ?? [];
  const of = (metric: AutoscalerMetric | undefined) =>
    metric?.external ?? metric?.containerResource ?? metric?.resource;
  return (hpa.spec?.metrics ?? []).map((metric) => {
    const name = metric.external?.metric.name;
    const seen = currents.find((c) => c.type === metric.type && c.external?.metric.name === name);
    const figure = (target: MetricTarget | undefined): string | undefined =>
      target?.averageUtilization === undefined
        ? (target?.averageValue ?? target?.value)?.replace(/^(\d+)m$/, (_, milli) =>
            String(+(+milli / 1000).toFixed(2)),
          )
        : `${target.averageUtilization} %`;
    const now = figure(of(seen)?.current) ?? red("unknown");
    const wanted = figure(of(metric)?.target);
    // KEDA's composite metric: the highest of the signals, each relative to its target
    return `${name === undefined ? "CPU" : name === "composite-metric" ? "load" : name} ${now} / ${wanted}`;
  });
}

type View = Readonly<
  Record<string, { readonly pods?: number; readonly spare?: number; readonly held?: string } | null>
>;

/** What the fast scaler has written about its workloads; empty if it is not readable, because anyone may change it. */
function viewOf(lease: KubeObject | undefined): View {
  try {
    return (JSON.parse(lease?.metadata.annotations?.[SCALER_VIEW] ?? "{}") as View | null) ?? {};
  } catch {
    return {};
  }
}

/**
 * What the fast scaler recommends for each of its workloads, as text by workload; empty if no scaler has run yet.
 *
 * @param now current time, ms
 */
export function fastSignals(lease?: KubeObject, now = Date.now()): Readonly<Record<string, string>> {
  const { holderIdentity, renewTime } = lease?.spec ?? {};
  const isCurrent = Boolean(holderIdentity) && now - Date.parse(String(renewTime)) < SCALER_SILENT_MS;
  return Object.fromEntries(
    Object.entries(viewOf(lease)).map(([workload, seen]) => [
      workload,
      `load ${
        !isCurrent
          ? red("unknown: the fast scaler has no leader")
          : `requires ${seen?.pods ?? "unknown"} ${seen?.pods === 1 ? "pod" : "pods"}${seen?.spare ? ` (${seen.spare} spare)` : ""}${seen?.held ? yellow(` (held: ${seen.held})`) : ""}`
      }`,
    ]),
  );
}

function row(workload: KubeObject, hpa: KubeObject | undefined, fast: string | undefined): string[] {
  const wanted = workload.spec?.replicas ?? 0;
  const ready = readyPods(workload);
  const image = workload.spec?.template?.spec.containers[0]?.image ?? "";
  return [
    workload.metadata.name,
    (ready >= wanted ? green : yellow)(`${ready}/${wanted}`),
    hpa ? `${hpa.spec?.minReplicas}–${hpa.spec?.maxReplicas}` : dim("fixed"),
    [...(hpa ? signals(hpa) : []), ...(fast ? [fast] : [])].join(", ") || dim("–"),
    image.replace(/@sha256:([0-9a-f]{12}).*/, "@$1…"),
  ];
}
