/**
 * The replica pool: one connection per replica. A command goes to the less busy of two replicas chosen at random (power
 * of two choices). This spreads the load evenly, and away from slow replicas, without measuring them. (M. Mitzenmacher,
 * The Power of Two Choices in Randomized Load Balancing, 2001.)
 */
import { log } from "../../log";
import type { ApiConfig } from "../../config";
import type { Member } from "../../discovery/source";
import type { TimeoutClock } from "../connection/timeout-clock";
import { Replica } from "./replica";
import type { LagTracker } from "./replication-lag";

/** Replicas that a read tries before main. */
export const REPLICA_TRIES = 2;

export class ReplicaPool {
  private readonly members = new Map<string, Replica>();
  private serving: Replica[] = [];

  constructor(
    private readonly config: ApiConfig,
    private readonly clock: TimeoutClock,
    private readonly lagTracker: LagTracker,
  ) {}

  /** Replaces the members. Removed members still answer the commands that were sent to them. */
  update(members: readonly Member[]): void {
    const wanted = new Map(members.map((m) => [`${m.name} ${m.host}:${m.port}`, m]));
    for (const [key, replica] of this.members) {
      if (wanted.has(key)) continue;
      this.members.delete(key);
      log("info", "replica left", { redis: replica.name });
      void replica.close();
    }
    for (const [key, member] of wanted) {
      if (this.members.has(key)) continue;
      const replica = new Replica(
        {
          address: () => member,
          name: member.name,
          login: this.config.readLogin,
          tls: this.config.tls,
          connectTimeoutMs: this.config.connectTimeoutMs,
          timeoutMs: this.config.readTimeoutMs,
          clock: this.clock,
          late: "keep",
        },
        this.config,
        this.lagTracker,
        () => this.sort(),
      );
      this.members.set(key, replica);
      log("info", "replica found", { redis: replica.name });
      replica.open();
    }
    this.sort();
  }

  /** A serving replica other than `not`, or undefined. */
  choose(not?: Replica): Replica | undefined {
    const { serving } = this;
    const count = serving.length;
    if (count <= 1) return serving[0] === not ? undefined : serving[0];
    const first = Math.floor(Math.random() * count);
    const second = (first + 1 + Math.floor(Math.random() * (count - 1))) % count;
    const a = serving[first]!;
    const b = serving[second]!;
    if (a === not) return b;
    if (b === not) return a;
    return a.connection.inFlight <= b.connection.inFlight ? a : b;
  }

  /** The serving replica whose process is `runId`. */
  byRunId(runId: string): Replica | undefined {
    return this.serving.find((replica) => replica.runId === runId);
  }

  get all(): readonly Replica[] {
    return [...this.members.values()];
  }

  get anyServes(): boolean {
    return this.serving.length > 0;
  }

  async close(): Promise<void> {
    const all = this.all;
    this.members.clear();
    this.serving = [];
    await Promise.all(all.map((replica) => replica.close()));
  }

  private sort(): void {
    this.serving = this.all.filter((replica) => replica.state === "serving");
  }
}
