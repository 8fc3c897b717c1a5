/**
 * Leader election with a Lease, as in client-go: each process uses its own monotonic clock to judge whether the lease
 * has expired, counting from when it saw the last change, so clocks that differ do no harm.
 *
 * The holder stops writing before another process may start: its time counts from when it *sent* its last renewal, and
 * is shorter than the lease by the time that a write may take.
 */
import { log } from "../log";
import { reasonOf, StatusError, type KubernetesClient } from "./client";

/** Other processes wait this long after the last change. */
export const LEASE_MS = 5000;
const RENEW_MS = 1500;
/** The holder writes for this long after it sent its last renewal; a write takes at most 1.5 s ({@link WRITE_MS}). */
export const HOLD_MS = 3500;
const CALL_MS = 1000;
const RETRY_MS = 800;

interface LeaseSpec {
  readonly holderIdentity?: string | null;
  readonly leaseDurationSeconds?: number | null;
  readonly acquireTime?: string | null;
  readonly renewTime?: string | null;
  readonly leaseTransitions?: number | null;
}
interface LeaseObject {
  readonly metadata: {
    readonly name: string;
    readonly resourceVersion?: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec?: LeaseSpec;
}

export interface LeaseOptions {
  readonly namespace: string;
  readonly name: string;
  /** Name of this process. */
  readonly identity: string;
  /**
   * Annotations that each renewal updates.
   * @default none
   */
  readonly annotations?: () => Readonly<Record<string, string>>;
}

export class Lease {
  private heldUntil = -Infinity;
  /** The lease as last seen, and when this version was first seen. */
  private seen: { readonly object: LeaseObject; readonly at: number } | undefined;
  private timer: NodeJS.Timeout | undefined;
  private attempt: Promise<void> | undefined;
  private stopped = false;
  private wasHeld = false;
  private lastReason = "";

  constructor(
    private readonly client: KubernetesClient,
    private readonly options: LeaseOptions,
  ) {}

  /** Whether this process may write now. */
  get isHeld(): boolean {
    return performance.now() < this.heldUntil;
  }

  start(): void {
    this.attempt = this.run();
  }

  /** Gives up the lease, so that another process need not wait until it expires. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.attempt;
    const { seen, isHeld } = this;
    this.heldUntil = -Infinity;
    if (!isHeld || !seen) return;
    await this.write({ ...seen.object.spec, holderIdentity: "" }).catch((error: unknown) =>
      log("warn", "cannot give up the lease", { reason: reasonOf(error) }),
    );
  }

  private async run(): Promise<void> {
    const begin = performance.now();
    try {
      await this.acquireOrRenew();
      this.lastReason = "";
    } catch (error) {
      const reason = reasonOf(error);
      if (reason !== this.lastReason) log("warn", "cannot get or renew the lease", { reason });
      this.lastReason = reason;
    }
    this.report();
    if (this.stopped) return;
    const pause = this.isHeld && this.lastReason === "" ? RENEW_MS : RETRY_MS * (0.75 + Math.random() / 2);
    this.timer = setTimeout(
      () => {
        this.attempt = this.run();
      },
      Math.max(0, begin + pause - performance.now()),
    );
  }

  private async acquireOrRenew(): Promise<void> {
    if (!this.isHeld || !this.seen) await this.read();
    if (!this.mayTake) return;
    try {
      await this.take();
    } catch (error) {
      if (!(error instanceof StatusError) || (error.status !== 409 && error.status !== 404)) throw error;
      // the lease is not as last seen; it may still be ours, if the answer to our last renewal was lost
      await this.read();
      if (this.seen && this.holder !== this.options.identity) this.heldUntil = -Infinity;
      else await this.take();
    }
  }

  private async read(): Promise<void> {
    let object: LeaseObject;
    try {
      object = await this.client.call<LeaseObject>("GET", `${this.path}/${this.options.name}`, { timeoutMs: CALL_MS });
    } catch (error) {
      if (!(error instanceof StatusError) || error.status !== 404) throw error;
      this.seen = undefined;
      return;
    }
    const isNew = object.metadata.resourceVersion !== this.seen?.object.metadata.resourceVersion;
    if (isNew) this.seen = { object, at: performance.now() };
  }

  private get holder(): string {
    return this.seen?.object.spec?.holderIdentity ?? "";
  }

  private get mayTake(): boolean {
    const { seen, holder } = this;
    if (!seen || holder === "" || holder === this.options.identity) return true;
    const duration = Math.max(LEASE_MS, (seen.object.spec?.leaseDurationSeconds ?? 0) * 1000);
    return performance.now() - seen.at >= duration;
  }

  private async take(): Promise<void> {
    const { identity } = this.options;
    const spec = this.seen?.object.spec;
    // the API's time type has microseconds
    const now = new Date().toISOString().replace("Z", "000Z");
    const isOurs = this.holder === identity;
    const sent = performance.now();
    const object = await this.write({
      holderIdentity: identity,
      leaseDurationSeconds: LEASE_MS / 1000,
      acquireTime: isOurs ? (spec?.acquireTime ?? now) : now,
      renewTime: now,
      leaseTransitions: (spec?.leaseTransitions ?? 0) + (isOurs || !spec ? 0 : 1),
    });
    this.seen = { object, at: performance.now() };
    this.heldUntil = sent + HOLD_MS;
  }

  /** Fails with 409 if the lease has changed since it was last seen. */
  private write(spec: LeaseSpec): Promise<LeaseObject> {
    const { namespace, name } = this.options;
    const old = this.seen?.object.metadata;
    const metadata = {
      ...(old ?? { name, namespace }),
      annotations: { ...old?.annotations, ...this.options.annotations?.() },
    };
    const body = { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata, spec };
    return old
      ? this.client.call("PUT", `${this.path}/${name}`, { timeoutMs: CALL_MS, body })
      : this.client.call("POST", this.path, { timeoutMs: CALL_MS, body });
  }

  private get path(): string {
    return `/apis/coordination.k8s.io/v1/namespaces/${this.options.namespace}/leases`;
  }

  private report(): void {
    if (this.isHeld === this.wasHeld) return;
    this.wasHeld = this.isHeld;
    log("info", this.isHeld ? "leading" : "not leading", { lease: this.options.name, identity: this.options.identity });
  }
}
