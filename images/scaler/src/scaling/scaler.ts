/** Runs the ticks: while this process is the leader, each tick scales every workload. */
import type { ScalerConfig } from "../config";
import { KubernetesClient } from "../kubernetes/client";
import { Lease } from "../kubernetes/lease";
import { log } from "../log";
import { WorkloadScaler } from "./workload";

/** Annotation of the Lease that `npm run status` reads: what the leader recommends for each workload. */
const VIEW = "iacproject/recommended";
/** A workload hangs if none of its ticks has ended for this long. */
const HANGING_MS = 5000;

export class Scaler {
  readonly workloads: readonly WorkloadScaler[];
  private readonly client: KubernetesClient;
  private readonly lease: Lease;
  private readonly tickMs: number;
  private timer: NodeJS.Timeout | undefined;
  private readonly busy = new Map<WorkloadScaler, Promise<void>>();
  private readonly endedAt = new Map<WorkloadScaler, number>();

  constructor(config: ScalerConfig) {
    const { namespace, lease, identity } = config;
    this.client = new KubernetesClient(config.kubernetes);
    this.lease = new Lease(this.client, {
      namespace,
      name: lease,
      identity,
      annotations: () => ({ [VIEW]: JSON.stringify(this.view) }),
    });
    this.tickMs = config.tickMs;
    this.workloads = config.targets.map(
      (target) => new WorkloadScaler(config, target, this.client, () => this.lease.isHeld),
    );
  }

  start(): void {
    this.lease.start();
    const now = performance.now();
    for (const workload of this.workloads) {
      workload.start();
      this.endedAt.set(workload, now);
    }
    this.run();
  }

  async stop(): Promise<void> {
    clearTimeout(this.timer);
    // a write in flight must end before the lease is given up
    await Promise.all(this.busy.values());
    await this.lease.stop();
    for (const workload of this.workloads) workload.stop();
    this.client.stop();
  }

  /** By workload: the recommended number of pods, how many of them are spare, and why scaling is held back, if it is. */
  private get view(): Readonly<Record<string, object>> {
    return Object.fromEntries(
      this.workloads.map(({ target: { workload, sparePods }, recommended, block }) => [
        workload,
        { pods: recommended, ...(sparePods ? { spare: sparePods } : {}), held: block },
      ]),
    );
  }

  get isLeader(): boolean {
    return this.lease.isHeld;
  }

  /** Why this process should be restarted; undefined if it should not. */
  get hanging(): string | undefined {
    const now = performance.now();
    const hanging = this.workloads.find((workload) => now - this.endedAt.get(workload)! > HANGING_MS);
    return hanging && `no tick of ${hanging.target.workload} has ended for ${HANGING_MS / 1000} s`;
  }

  /** Why this process cannot scale; undefined if it can, or could if it were the leader. */
  get notReadyReason(): string | undefined {
    const now = performance.now();
    const unknown = this.workloads.find((workload) => !workload.isKnown(now));
    return unknown && `no current data about ${unknown.target.workload} from the Kubernetes API`;
  }

  private run(): void {
    const begin = performance.now();
    for (const workload of this.workloads) {
      // if the previous tick is still writing or waiting for an answer, no new one starts
      if (this.busy.has(workload)) continue;
      const tick = this.tick(workload).finally(() => this.busy.delete(workload));
      this.busy.set(workload, tick);
    }
    this.timer = setTimeout(() => this.run(), Math.max(0, begin + this.tickMs - performance.now()));
  }

  private async tick(workload: WorkloadScaler): Promise<void> {
    try {
      if (this.lease.isHeld) await workload.tick();
      else workload.idle();
    } catch (error) {
      log("error", "a tick failed", { workload: workload.target.workload, reason: (error as Error).message });
    }
    this.endedAt.set(workload, performance.now());
  }
}
