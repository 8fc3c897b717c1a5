/** Scales one workload: reads, decides, writes. */
import type { ScalerConfig, Target } from "../config";
import { cpuRecommendation } from "../decision/cpu";
import { CONFIRM_MS, Decider, type Decision, type Hold } from "../decision/decider";
import { recommend, type Readings } from "../decision/formula";
import { GaugeReader, type Address } from "../gauges/reader";
import { reasonOf, StatusError, type KubernetesClient } from "../kubernetes/client";
import { Cache } from "../kubernetes/cache";
import { autoscalerView, podView, workloadView } from "../kubernetes/objects";
import { writeScale } from "../kubernetes/scale";
import { log } from "../log";
import type { AutoscalerView, PodView, WorkloadView } from "../views";

/** No decision is based on objects that may be older than this. */
const STALE_MS = 3000;
/** Share of a tick after which a decision no longer waits for the gauges of slow pods. */
const WAIT_SHARE = 0.8;

/** Reasons why the scaler does nothing, or less than it could ({@link HOLDS}). */
export const BLOCKS = ["kubernetes", "no-workload", "no-autoscaler", "off", "write-failed"] as const;
export const HOLDS: readonly Hold[] = ["no-gauges", "signal-missing", "cpu-unknown", "flapping"];
export type Block = (typeof BLOCKS)[number] | Hold;

interface Found {
  readonly workload: WorkloadView;
  readonly autoscaler: AutoscalerView;
}

export class WorkloadScaler {
  readonly decisions = { out: 0, in: 0 };
  readonly gauges: GaugeReader;
  block: Block | undefined;
  present: number | undefined;
  wanted: number | undefined;
  recommended: number | undefined;
  /** Time, in monotonic ms, at which every Ready pod last had every gauge, or at which reading the gauges began. */
  completeAt: number | undefined;

  private readonly pods: Cache<PodView>;
  private readonly workloads: Cache<WorkloadView>;
  private readonly autoscalers: Cache<AutoscalerView>;
  private readonly decider: Decider;
  private writeFailed = false;

  constructor(
    private readonly config: Pick<ScalerConfig, "namespace" | "tickMs">,
    readonly target: Target,
    private readonly client: KubernetesClient,
    private readonly mayWrite: () => boolean,
  ) {
    const { namespace, tickMs } = config;
    const named = (name: string) => ({ fieldSelector: `metadata.name=${name}` });
    this.pods = new Cache(client, {
      path: `/api/v1/namespaces/${namespace}/pods`,
      query: { labelSelector: target.selector },
      view: podView,
    });
    this.workloads = new Cache(client, {
      path: `/apis/apps/v1/namespaces/${namespace}/deployments`,
      query: named(target.workload),
      view: workloadView,
    });
    this.autoscalers = new Cache(client, {
      path: `/apis/autoscaling/v2/namespaces/${namespace}/horizontalpodautoscalers`,
      query: named(target.autoscaler),
      view: autoscalerView,
    });
    this.gauges = new GaugeReader(target);
    this.decider = new Decider({ ...target, tickMs });
  }

  start(): void {
    for (const cache of this.caches) cache.start();
  }

  stop(): void {
    for (const cache of this.caches) cache.stop();
    this.gauges.stop();
  }

  /** Whether all the data that it needs from the Kubernetes API is current. */
  isKnown(now: number): boolean {
    return this.caches.every((cache) => cache.staleMs(now) <= STALE_MS);
  }

  /** Replaces {@link tick} while this process is not the leader. */
  idle(): void {
    this.block = this.wanted = this.recommended = this.completeAt = undefined;
    this.present = this.workloads.get(this.target.workload)?.replicas;
  }

  async tick(): Promise<void> {
    if (!(await this.step())) return;
    await new Promise((resolve) => setTimeout(resolve, CONFIRM_MS));
    await this.step();
  }

  /** Reads, decides and writes once. Resolves with true if a second reading may add pods. */
  private async step(): Promise<boolean> {
    if (!this.mayWrite() || !this.find()) return false;
    const { tickMs } = this.config;
    const pods = this.pods.all.filter((pod) => !pod.gone);
    await this.gauges.read(pods.filter(isReadable), tickMs * WAIT_SHARE);
    // the pods, the count and the bounds may have changed in the meantime
    const found = this.find();
    if (!found) return false;
    const now = performance.now();
    const readings = this.readings(now);
    const { workload, autoscaler } = found;
    const present = workload.replicas;
    const { sparePods } = this.target;
    const cpu = cpuRecommendation(autoscaler, sparePods);
    const { min, max } = autoscaler;
    const signals = readings.map((each, i) => recommend(each, this.target.signals[i]!.target, present, sparePods));
    const decision = this.decider.decide({ now, present, min, max, cpu, signals });
    this.recommended = decision.recommended;
    this.wanted = decision.wanted;
    this.setBlock(decision.hold ?? (this.writeFailed ? "write-failed" : undefined));
    if (decision.wanted !== present) await this.write(found, decision, { readings, signals, cpu });
    else this.writeFailed = false;
    return decision.unconfirmed;
  }

  private get caches(): readonly Cache<unknown>[] {
    return [this.pods, this.workloads, this.autoscalers];
  }

  /** The objects to base a decision on; undefined if none is possible, with the reason in {@link block}. */
  private find(): Found | undefined {
    const workload = this.workloads.get(this.target.workload);
    const autoscaler = this.autoscalers.get(this.target.autoscaler);
    this.present = workload?.replicas;
    const reason = !this.isKnown(performance.now())
      ? "kubernetes"
      : !workload
        ? "no-workload"
        : !autoscaler
          ? "no-autoscaler"
          : workload.replicas === 0
            ? "off"
            : undefined;
    if (workload && autoscaler && !reason) return { workload, autoscaler };
    this.wanted = this.recommended = undefined;
    // the next decision must not depend on the past, except after a short API server outage
    if (reason !== "kubernetes") {
      this.decider.restart();
      this.completeAt = undefined;
    }
    this.setBlock(reason);
    return undefined;
  }

  /** The readings of each signal. */
  private readings(now: number): readonly Readings[] {
    const pods = this.pods.all.filter((pod) => !pod.gone);
    const readable = pods.filter(isReadable);
    const readings = this.target.signals.map(({ metric }) => {
      const values = readable.flatMap((pod) => this.gauges.value(pod, metric, now) ?? []);
      return { values, missing: readable.length - values.length, unready: pods.length - readable.length };
    });
    this.completeAt ??= now;
    if (readable.length > 0 && readings.every(({ missing }) => missing === 0)) this.completeAt = now;
    return readings;
  }

  private async write({ workload }: Found, decision: Decision, seen: Seen): Promise<void> {
    const { namespace } = this.config;
    const from = workload.replicas;
    const to = decision.wanted;
    const direction = to > from ? "out" : "in";
    const { resourceVersion } = workload;
    const change = { namespace, workload: workload.name, from, to, resourceVersion, mayWrite: this.mayWrite };
    try {
      const { outcome, scale } = await writeScale(this.client, change);
      this.writeFailed = false;
      // the next decision may come before the watch delivers the change
      if (scale) this.workloads.put(scale);
      if (outcome !== "written") return;
      this.decider.wrote(performance.now(), from, to);
      this.decisions[direction]++;
      log("info", `scaled ${direction}`, { workload: workload.name, from, to, ...this.reasons(decision, seen) });
    } catch (error) {
      // logged only once, because every tick tries again
      if (!this.writeFailed)
        log("warn", "cannot write the scale", { workload: workload.name, from, to, reason: reasonOf(error) });
      // a conflict only means that another write was faster
      this.writeFailed = !(error instanceof StatusError && error.status === 409);
    }
  }

  /** The figures that led to a decision. */
  private reasons({ recommended, window }: Decision, { readings, signals, cpu }: Seen): Record<string, unknown> {
    const perSignal = readings.map(({ values, missing }, i) => {
      const { metric, target } = this.target.signals[i]!;
      const mean = values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : null;
      return [
        metric,
        { mean: mean && Number(mean.toPrecision(4)), target, missing, count: signals[i] ?? null },
      ] as const;
    });
    const { values, missing, unready } = readings[0]!;
    const ready = values.length + missing;
    return { recommended, window, cpu: cpu ?? null, ready, unready, signals: Object.fromEntries(perSignal) };
  }

  private setBlock(block: Block | undefined): void {
    if (block === this.block) return;
    this.block = block;
    const { workload } = this.target;
    if (block) log("warn", "scaling is held back", { workload, reason: block });
    else log("info", "scaling is no longer held back", { workload });
  }
}

interface Seen {
  readonly readings: readonly Readings[];
  readonly signals: readonly (number | undefined)[];
  readonly cpu: number | undefined;
}

const isReadable = (pod: PodView): pod is PodView & Address => pod.ready && pod.ip !== undefined;
