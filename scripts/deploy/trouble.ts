/** Reasons why pods do not run, as sentences: rejected creations, crash loops, images that cannot be pulled. */
import type { Kube, KubeObject } from "../cluster/kubectl";
import type { ContainerStatus } from "../cluster/kube-object";
import { RunError } from "../terminal/run-program";

/**
 * Number of restarts since the start of this run that counts as a crash loop, even if the container is currently
 * running.
 */
const LOOP = 2;
/** Last lines of a crashed container's log. */
const LOG_LINES = 8;
/** Poll interval, in ms. */
const LOOK_MS = 5000;
/** Time that a cluster that adds nodes on demand may need to schedule a pod, in ms. */
const SCHEDULING_MS = 15_000;

/** The relevant fields of an event. */
interface Event {
  readonly involvedObject?: { readonly kind?: string; readonly name?: string };
  readonly reason?: string;
  readonly message?: string;
  readonly lastTimestamp?: string | null;
  readonly eventTime?: string | null;
  readonly series?: { readonly lastObservedTime?: string } | null;
  readonly metadata: { readonly creationTimestamp?: string };
}

const timeOf = (e: Event): string =>
  e.series?.lastObservedTime ?? e.lastTimestamp ?? e.eventTime ?? e.metadata.creationTimestamp ?? "";

/** The newest event about an object, with any reason or with a reason that matches. */
export function newestEvent(events: readonly KubeObject[], name: string, reason = /^/): Event | undefined {
  return (events as unknown as Event[])
    .filter((e) => e.involvedObject?.name === name && reason.test(e.reason ?? ""))
    .sort((x, y) => Date.parse(timeOf(y)) - Date.parse(timeOf(x)))[0];
}

/** Whether a set has fewer pods than it should; a Deployment's pods are those of its ReplicaSets. */
function isShort({ kind, spec, status }: KubeObject): boolean {
  if (kind === "DaemonSet") return (status?.currentNumberScheduled as number) < (status?.desiredNumberScheduled ?? 0);
  return ["StatefulSet", "ReplicaSet"].includes(kind) && (status?.replicas ?? 0) < (spec?.replicas ?? 1);
}

/**
 * Why the pods or volume claims of a set cannot be created: a quota, a policy, a missing account. The reason appears
 * only in an event about the set, which Kubernetes keeps for an hour. This function returns it while pods are missing,
 * until a creation succeeds.
 */
export function refusal(set: KubeObject, events: readonly KubeObject[]): string | undefined {
  if (!isShort(set)) return undefined;
  const { name } = set.metadata;
  const ofThisKind = events.filter((e) => (e as unknown as Event).involvedObject?.kind === set.kind);
  const newest = newestEvent(ofThisKind, name, /^(Failed|Successful)Create$/);
  return newest?.reason === "FailedCreate" ? `${name}: pods cannot be created: ${newest.message?.trim()}` : undefined;
}

const statusesOf = (pod: KubeObject): readonly ContainerStatus[] => [
  ...(pod.status?.initContainerStatuses ?? []),
  ...(pod.status?.containerStatuses ?? []),
];
const keyOf = (pod: KubeObject, container: string): string => `${pod.metadata.uid ?? pod.metadata.name}/${container}`;

/** Restart counts of the containers that exist when a run begins: only later restarts are attributed to the run. */
export type Restarts = Map<string, number>;
export const restartsOf = (pods: readonly KubeObject[]): Restarts =>
  new Map(pods.flatMap((pod) => statusesOf(pod).map((s) => [keyOf(pod, s.name), s.restartCount] as const)));

/** The container of a pod that keeps crashing; undefined if none does. */
export function crashing(pod: KubeObject, before: Restarts = new Map()): string | undefined {
  return statusesOf(pod).find((s) => {
    if (s.ready) return false;
    if (s.state?.waiting?.reason === "CrashLoopBackOff") return true;
    // an init container that has succeeded is not Ready either
    if (s.state?.terminated?.exitCode === 0) return false;
    return s.restartCount - (before.get(keyOf(pod, s.name)) ?? 0) >= LOOP;
  })?.name;
}

/** The last lines of a crashed container's log, indented; empty if they cannot be read. */
export async function lastLog(kube: Kube, pod: KubeObject, container: string): Promise<string> {
  const { name, namespace } = pod.metadata;
  const args = ["-n", namespace ?? "default", "logs", name, "-c", container, `--tail=${LOG_LINES}`];
  for (const which of [["--previous"], []]) {
    try {
      const text = (await kube.raw([...args, ...which], { timeoutMs: 10_000 })).trim();
      if (text)
        return text
          .split("\n")
          .map((line) => `\n    ${line.slice(0, 300)}`)
          .join("");
    } catch (error) {
      if (!(error instanceof RunError)) throw error;
    }
  }
  return "";
}

/** A crash loop as a sentence, with the end of its log. */
export const crashText = async (kube: Kube, pod: KubeObject, container: string): Promise<string> => {
  const status = statusesOf(pod).find((s) => s.name === container)!;
  const ended = status.lastState?.terminated ?? status.state?.terminated;
  const exit = ended ? `, last with exit code ${ended.exitCode} (${ended.reason ?? "no reason"})` : "";
  const log = await lastLog(kube, pod, container);
  const end = log ? `; the end of its log:${log}` : "; it logged nothing";
  return `${pod.metadata.name}: container ${container} keeps crashing, ${status.restartCount} restarts${exit}${end}`;
};

const IMAGE = ["ErrImagePull", "ImagePullBackOff", "InvalidImageName", "CreateContainerConfigError"];
/** Pods of one owner usually have the same problem: `node-6f9-x2x4z` belongs to `node-6f9`. */
const ownerOf = (pod: KubeObject): string => pod.metadata.name.replace(/-[a-z0-9]+$/, "");

/** Reports why pods do not run, each problem once and as soon as it is detected. */
export class TroubleReport {
  private readonly reported = new Set<string>();
  private readonly pendingSince = new Map<string, number>();
  private before: Restarts | undefined;

  constructor(
    private readonly kube: Kube,
    private readonly namespaces: readonly string[],
    private readonly report: (text: string) => void,
  ) {}

  private once(key: string, text: string): void {
    if (this.reported.has(key)) return;
    this.reported.add(key);
    this.report(text);
  }

  /** Looks once. */
  async look(now = Date.now()): Promise<void> {
    const kinds = "statefulsets,replicasets,daemonsets,pods";
    const all = async (what: string) =>
      (await Promise.all(this.namespaces.map((ns) => this.kube.visible(what, "-n", ns)))).flat();
    const [objects, events] = await Promise.all([all(kinds), all("events")]);
    for (const set of objects) {
      const text = refusal(set, events);
      if (text) this.once(`refused ${set.metadata.name}`, text);
    }
    const pods = objects.filter((o) => o.kind === "Pod" && !o.metadata.deletionTimestamp);
    this.before ??= restartsOf(pods);
    for (const pod of pods) {
      const container = crashing(pod, this.before);
      const key = `crash ${ownerOf(pod)} ${container}`;
      if (container && !this.reported.has(key)) this.once(key, await crashText(this.kube, pod, container));
      this.image(pod);
      this.scheduling(pod, now);
    }
  }

  private image(pod: KubeObject): void {
    for (const s of statusesOf(pod)) {
      const { reason, message } = s.state?.waiting ?? {};
      if (reason && IMAGE.includes(reason))
        this.once(`image ${ownerOf(pod)} ${s.name}`, `${pod.metadata.name}: ${reason}: ${message ?? s.image}`);
    }
  }

  private scheduling(pod: KubeObject, now: number): void {
    const { name } = pod.metadata;
    const scheduled = pod.status?.conditions?.find((c) => c.type === "PodScheduled");
    if (scheduled?.status !== "False") return void this.pendingSince.delete(name);
    if (!this.pendingSince.has(name)) this.pendingSince.set(name, now);
    if (now - this.pendingSince.get(name)! < SCHEDULING_MS) return;
    this.once(`pending ${ownerOf(pod)}`, `${name}: not scheduled: ${scheduled.message ?? "no reason given"}`);
  }
}

/**
 * Runs `work`, and meanwhile reports what keeps pods from running. `work` itself must report if the cluster does not
 * respond.
 */
export async function whileReporting<T>(report: Pick<TroubleReport, "look">, work: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  let ended = false;
  const again = () => {
    if (!ended) timer = setTimeout(look, LOOK_MS).unref();
  };
  const look = () => void report.look().then(again, again);
  look();
  try {
    return await work();
  } finally {
    ended = true;
    clearTimeout(timer);
  }
}
