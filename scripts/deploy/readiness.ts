/** Waits until every workload is Ready, and reports what it is waiting for. */
import type { Config } from "../../config";
import { STACK_RELEASE } from "../../catalog/names";
import { AUTOSCALED } from "../../catalog/workloads";
import { isOurs } from "../cluster/kube-object";
import { isReady, type Kube, type KubeObject } from "../cluster/kubectl";
import { RunError } from "../terminal/run-program";
import { Failure } from "../terminal/ui";
import { crashing, crashText, newestEvent, refusal, restartsOf, type Restarts } from "./trouble";

/** Problems that rarely resolve themselves; after `STUCK_MS` they fail the run. */
const STUCK = ["ImagePullBackOff", "ErrImagePull", "InvalidImageName", "CreateContainerConfigError"];
const STUCK_MS = 90_000;
/**
 * Time after which a crash loop fails the run, in ms; a container may crash twice before its dependencies are
 * available.
 */
const CRASHING_MS = 60_000;
const POLL_MS = 1000;
/** There are many events, so they are read only every few polls. */
const POLLS_PER_EVENTS = 5;

/**
 * Number of pods that a workload should have: at least its autoscaler's minimum, even before the autoscaler has set it.
 */
export function wantedPods(workload: KubeObject, hpas: readonly KubeObject[]): number {
  const hpa = hpas.find(
    (h) =>
      h.spec?.scaleTargetRef?.kind === workload.kind &&
      h.spec.scaleTargetRef.name === workload.metadata.name &&
      h.metadata.namespace === workload.metadata.namespace,
  );
  return Math.max(workload.spec?.replicas ?? 1, hpa?.spec?.minReplicas ?? 0);
}

/** Ready pods of the current revision, from the counts of the workload's controller. */
export function readyPods(workload: KubeObject): number {
  const s = workload.status ?? {};
  if ((s.observedGeneration ?? 0) < (workload.metadata as { generation?: number }).generation!) return 0;
  if (workload.kind === "DaemonSet") return s.numberReady ?? 0;
  const updated = s.updatedReplicas ?? 0;
  // assume that pods of the old revision are Ready, so that no new pod is counted too early
  const old = Math.max(0, (s.replicas ?? updated) - updated);
  return Math.min(updated, Math.max(0, (s.readyReplicas ?? 0) - old));
}

/** Why a pod is not Ready; undefined if it is. */
export function podTrouble(pod: KubeObject): { reason: string; text: string } | undefined {
  const name = pod.metadata.name;
  const statuses = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
  for (const s of statuses) {
    const waiting = s.state?.waiting;
    if (waiting?.reason && !["ContainerCreating", "PodInitializing"].includes(waiting.reason)) {
      const ended = s.lastState?.terminated;
      const message = ended?.message ? `: ${ended.message.trim()}` : "";
      const last = ended ? ` (last exit: ${ended.reason}, code ${ended.exitCode}${message})` : "";
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

/** Why a workload's pods cannot be created (a quota, a missing ServiceAccount); undefined if they can. */
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

/** Namespaces that a deployment uses. */
export const ourNamespaces = (config: Config): string[] => [
  config.namespaces.app,
  ...(config.observability === "install" ? [config.namespaces.monitoring] : []),
  ...(config.scaling.engine === "keda" && config.keda.mode === "install" ? [config.namespaces.keda] : []),
];

/** Whether an object in our namespaces may be ours: a namespace that existed before can also contain other objects. */
export const mayBeOurs = ({ namespaces }: Config, object: KubeObject): boolean =>
  namespaces.create ||
  isOurs(object) ||
  (object.metadata.namespace === namespaces.monitoring && object.metadata.name.includes(STACK_RELEASE)) ||
  object.metadata.namespace === namespaces.keda;

/** Autoscalers that do not exist yet: KEDA creates them a few seconds after the deployment. */
export const missingAutoscalers = (config: Config, hpas: readonly KubeObject[]): string[] =>
  AUTOSCALED.filter(
    (name) => !hpas.some((h) => h.metadata.name === name && h.metadata.namespace === config.namespaces.app),
  );

/** Resolves when all workloads of our namespaces are Ready; returns their number. */
export async function waitReady(kube: Kube, options: WaitOptions): Promise<number> {
  const begin = Date.now();
  const namespaces = ourNamespaces(kube.config);
  const all = async (...what: string[]) =>
    (await Promise.all(namespaces.map((ns) => kube.list(what[0]!, "-n", ns, ...what.slice(1))))).flat();
  const stuckSince = new Map<string, number>();
  /** The crash-looping container of each pod, and when its loop was detected; removed once the pod is Ready. */
  const loops = new Map<string, { since: number; container: string }>();
  let events: KubeObject[] = [];
  let restarts: Restarts | undefined;
  for (let poll = 0; ; poll++) {
    let objects: KubeObject[];
    try {
      objects = (await all("deployments,statefulsets,daemonsets,replicasets,hpa,pods")).filter(
        // KEDA's autoscalers have its own labels
        (o) => o.kind === "HorizontalPodAutoscaler" || mayBeOurs(kube.config, o),
      );
    } catch (error) {
      // the control plane may restart, or the network may fail briefly
      if (!(error instanceof RunError) || Date.now() - begin > options.timeoutMs) throw error;
      options.onProgress?.("the cluster to answer");
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
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

    const now = Date.now();
    const pods = of("Pod").filter((p) => p.status?.phase !== "Succeeded" && !p.metadata.deletionTimestamp);
    restarts ??= restartsOf(pods);
    const troubles = pods.flatMap((pod) => {
      const trouble = podTrouble(pod);
      return trouble ? [{ pod, trouble }] : [];
    });
    for (const { pod, trouble } of troubles) {
      if (!STUCK.includes(trouble.reason)) continue;
      const { name } = pod.metadata;
      if (!stuckSince.has(name)) stuckSince.set(name, now);
      if (now - stuckSince.get(name)! > STUCK_MS) throw notReady(trouble.text, kube);
    }
    for (const pod of pods) {
      const { name } = pod.metadata;
      const container = crashing(pod, restarts);
      if (isReady(pod)) loops.delete(name);
      else if (container && !loops.has(name)) loops.set(name, { since: now, container });
      const loop = loops.get(name);
      if (loop && now - loop.since > CRASHING_MS) throw notReady(await crashText(kube, pod, loop.container), kube);
    }
    if (poll % POLLS_PER_EVENTS === 0) events = await all("events").catch(() => events);
    const refused = [
      ...late.flatMap((w) => creationTrouble(w) ?? []),
      ...of("StatefulSet", "DaemonSet").flatMap((set) => refusal(set, events) ?? []),
    ];
    for (const text of refused) {
      const name = text.split(":")[0]!;
      if (!stuckSince.has(name)) stuckSince.set(name, now);
      if (now - stuckSince.get(name)! > STUCK_MS) throw notReady(text, kube);
    }
    const lateText =
      [
        ...late.map((w) => `${w.metadata.name} ${readyPods(w)}/${want(w)}`),
        ...(workloads.length ? unscaled.map((name) => `autoscaler ${name}`) : []),
      ].join(", ") || "workloads to appear";
    const first = refused[0] ?? troubles[0]?.trouble.text;
    options.onProgress?.(first ? `${lateText}; ${first}` : lateText);
    if (now - begin > options.timeoutMs) {
      const warnings = await all("events", "--field-selector", "type=Warning");
      const newest = (pod: KubeObject) => newestEvent(warnings, pod.metadata.name)?.message?.trim();
      const lines = troubles.map(({ pod, trouble }) => [trouble.text, newest(pod)].filter(Boolean).join("; "));
      const why = [...refused, ...lines].join("\n  ");
      throw notReady(
        `after ${options.timeoutMs / 1000} s still waiting for ${lateText}${why ? `\n  ${why}` : ""}`,
        kube,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

const notReady = (text: string, kube: Kube) =>
  new Failure(
    `Not everything is Ready: ${text}`,
    `See: kubectl -n ${kube.config.namespaces.app} get pods,events. Then run npm run up again; it continues where it stopped.`,
  );
