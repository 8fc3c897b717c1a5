/** Waits until every workload is Ready, and says what it waits for. */
import type { Config } from "../../config";
import { AUTOSCALED } from "../../catalog/workloads";
import type { Kube, KubeObject } from "../cluster/kubectl";
import { RunError } from "../terminal/run-program";
import { Failure } from "../terminal/ui";

/** Reasons that do not go away by waiting; they get this long, ms. */
const HOPELESS = [
  "ImagePullBackOff",
  "ErrImagePull",
  "InvalidImageName",
  "CreateContainerConfigError",
  "CrashLoopBackOff",
];
const HOPELESS_MS = 90_000;
const AGAIN_MS = 1000;

/** How many pods a workload wants; an autoscaler that has not spoken yet wants its minimum. */
export function wantedPods(workload: KubeObject, hpas: readonly KubeObject[]): number {
  const hpa = hpas.find(
    (h) =>
      h.spec.scaleTargetRef.kind === workload.kind &&
      h.spec.scaleTargetRef.name === workload.metadata.name &&
      h.metadata.namespace === workload.metadata.namespace,
  );
  return Math.max(workload.spec.replicas ?? 1, hpa?.spec.minReplicas ?? 0);
}

/** Pods of the current revision that are Ready, as the workload's controller counts. */
export function readyPods(workload: KubeObject): number {
  const s = workload.status ?? {};
  if ((s.observedGeneration ?? 0) < (workload.metadata as { generation?: number }).generation!) return 0;
  if (workload.kind === "DaemonSet") return s.numberReady ?? 0;
  const updated = s.updatedReplicas ?? 0;
  // pods of the old revision are taken for Ready, so that no new one is counted too early
  const old = Math.max(0, (s.replicas ?? updated) - updated);
  return Math.min(updated, Math.max(0, (s.readyReplicas ?? 0) - old));
}

/** Why a pod is not Ready, in a sentence; undefined where it is. */
export function podTrouble(pod: KubeObject): { reason: string; text: string } | undefined {
  const name = pod.metadata.name;
  const statuses = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
  for (const s of statuses) {
    const waiting = s.state?.waiting;
    if (waiting?.reason && !["ContainerCreating", "PodInitializing"].includes(waiting.reason)) {
      const ended = s.lastState?.terminated;
      const said = ended?.message ? `: ${ended.message.trim()}` : "";
      const last = ended ? ` (last end: ${ended.reason}, exit code ${ended.exitCode}${said})` : "";
      return { reason: waiting.reason, text: `${name}: ${waiting.reason}: ${waiting.message ?? s.image}${last}` };
    }
  }
  const condition = (type: string) => (pod.status?.conditions ?? []).find((c: { type: string }) => c.type === type);
  const scheduled = condition("PodScheduled");
  if (scheduled?.status === "False")
    return { reason: "Unschedulable", text: `${name}: not scheduled: ${scheduled.message}` };
  if (condition("Ready")?.status !== "True")
    return { reason: "NotReady", text: `${name}: ${condition("Ready")?.message ?? "starting"}` };
  return undefined;
}

/** Why a workload's pods cannot even be made (a quota, a missing account); undefined where they can. */
export function creationTrouble(workload: KubeObject): string | undefined {
  type Condition = { type: string; status: string; message?: string };
  const failure = ((workload.status?.conditions ?? []) as Condition[]).find((c) => c.type === "ReplicaFailure");
  if (failure?.status !== "True") return undefined;
  return `${workload.metadata.name}: pods cannot be created: ${failure.message ?? "no reason given"}`;
}

export interface WaitOptions {
  readonly timeoutMs: number;
  readonly onProgress?: (text: string) => void;
}

/** Namespaces that a deploy fills. */
export const ourNamespaces = (config: Config): string[] => [
  config.namespaces.app,
  ...(config.observability === "install" ? [config.namespaces.monitoring] : []),
  ...(config.scaling.engine === "keda" && config.keda.mode === "install" ? [config.namespaces.keda] : []),
];

/** Autoscalers that are not there yet: with engine keda they come some seconds after the deploy. */
export const missingAutoscalers = (config: Config, hpas: readonly KubeObject[]): string[] =>
  AUTOSCALED.filter(
    (name) => !hpas.some((h) => h.metadata.name === name && h.metadata.namespace === config.namespaces.app),
  );

/** Resolves once all workloads of our namespaces are Ready; returns how many there are. */
export async function waitReady(kube: Kube, options: WaitOptions): Promise<number> {
  const begin = Date.now();
  const namespaces = ourNamespaces(kube.config);
  const hopelessSince = new Map<string, number>();
  for (;;) {
    let objects: KubeObject[];
    try {
      const kinds = "deployments,statefulsets,daemonsets,hpa,pods";
      objects = (await Promise.all(namespaces.map((ns) => kube.list(kinds, "-n", ns)))).flat();
    } catch (error) {
      // a control plane that is restarted, a network that is away for a moment
      if (!(error instanceof RunError) || Date.now() - begin > options.timeoutMs) throw error;
      options.onProgress?.("the cluster, which does not answer");
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
      continue;
    }
    const of = (...kinds: string[]) => objects.filter((o) => kinds.includes(o.kind));
    const workloads = of("Deployment", "StatefulSet", "DaemonSet");
    const hpas = of("HorizontalPodAutoscaler");
    const want = (w: KubeObject) =>
      w.kind === "DaemonSet" ? (w.status?.desiredNumberScheduled ?? 1) : wantedPods(w, hpas);
    const late = workloads.filter((w) => readyPods(w) < want(w));
    const unscaled = missingAutoscalers(kube.config, hpas);
    if (workloads.length && !late.length && !unscaled.length) return workloads.length;

    const troubles = of("Pod")
      .filter((p) => p.status?.phase !== "Succeeded" && !p.metadata.deletionTimestamp)
      .map((p) => ({ pod: p.metadata.name, trouble: podTrouble(p) }))
      .filter((t) => t.trouble !== undefined);
    const now = Date.now();
    for (const { pod, trouble } of troubles) {
      if (!HOPELESS.includes(trouble!.reason)) continue;
      if (!hopelessSince.has(pod)) hopelessSince.set(pod, now);
      if (now - hopelessSince.get(pod)! > HOPELESS_MS) throw notReady(trouble!.text, kube);
    }
    const refused = late.flatMap((w) => creationTrouble(w) ?? []);
    for (const text of refused) {
      if (!hopelessSince.has(text)) hopelessSince.set(text, now);
      if (now - hopelessSince.get(text)! > HOPELESS_MS) throw notReady(text, kube);
    }
    const lateText =
      [
        ...late.map((w) => `${w.metadata.name} ${readyPods(w)}/${want(w)}`),
        ...(workloads.length ? unscaled.map((name) => `autoscaler ${name}`) : []),
      ].join(", ") || "workloads to appear";
    options.onProgress?.(lateText);
    if (now - begin > options.timeoutMs) {
      const events = (
        await Promise.all(namespaces.map((ns) => kube.list("events", "-n", ns, "--field-selector", "type=Warning")))
      ).flat();
      const why = [...refused, ...troubles.map((t) => t.trouble!.text + lastWarning(t.pod, events))].join("\n  ");
      throw notReady(
        `after ${options.timeoutMs / 1000} s still waiting for ${lateText}${why ? `\n  ${why}` : ""}`,
        kube,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
}

/** The newest warning about a pod, such as what its probe said. */
function lastWarning(pod: string, events: readonly KubeObject[]): string {
  type Event = { involvedObject?: { name: string }; message?: string; lastTimestamp?: string };
  const about = (events as unknown as Event[]).filter((e) => e.involvedObject?.name === pod);
  const newest = about.sort((a, b) => (b.lastTimestamp ?? "").localeCompare(a.lastTimestamp ?? ""))[0];
  return newest?.message ? `; ${newest.message.trim()}` : "";
}

const notReady = (text: string, kube: Kube) =>
  new Failure(
    `Not everything is Ready: ${text}`,
    `Look: kubectl -n ${kube.config.namespaces.app} get pods,events; then run it again, it goes on where it was.`,
  );
