/** A replica: its connection, its load, and whether it may serve reads. */
import { Connection, type ConnectionOptions } from "../connection/connection";
import { readRunId } from "../connection/run-id";
import { parseLoad, parseReplication, type LagTracker, type RedisLoad, type ReplicaLag } from "./replication-lag";

export const REPLICA_STATES = [
  /** gets reads */
  "serving",
  /** not connected */
  "connecting",
  /** does not answer */
  "hanging",
  /** full sync from main in progress */
  "syncing",
  /** lag above the limit, or a history that differs from main's */
  "lagging",
  /** disconnected from main for longer than the limit, or never connected */
  "unlinked",
  /** reports that it is not a replica */
  "other-role",
] as const;
export type ReplicaState = (typeof REPLICA_STATES)[number];

export interface ReplicaLimits {
  readonly maxLagMs: number;
  readonly maxStaleSeconds: number;
  readonly checkMs: number;
}

export class Replica {
  readonly name: string;
  readonly connection: Connection;
  /** Identity of the Redis process, because SCAN cursors are only valid in one process. */
  runId: string | undefined;
  /** Lag behind main, in ms; undefined if unknown. */
  lagMs: number | undefined;
  /** The replica's load from all clients; undefined while it is unknown. */
  load: RedisLoad | undefined;
  /** Numbers of answered and failed reads, and the total duration of the answered ones in seconds. */
  answered = 0;
  failed = 0;
  seconds = 0;
  private readonly lag: ReplicaLag;
  private reported: ReplicaState = "connecting";
  private timer: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(
    options: Omit<ConnectionOptions, "onChange">,
    private readonly limits: ReplicaLimits,
    lagTracker: LagTracker,
    private readonly onChange: () => void,
  ) {
    this.name = options.name;
    this.lag = lagTracker.replica();
    this.connection = new Connection({
      ...options,
      onChange: () => {
        if (!this.connection.usable) {
          this.reported = "connecting";
          this.runId = undefined;
          this.load = undefined;
        }
        this.onChange();
        // a new connection serves no reads before its first check
        if (this.connection.usable) this.checkSoon(0);
      },
    });
  }

  open(): void {
    this.connection.open();
    this.checkSoon(this.limits.checkMs);
  }

  get state(): ReplicaState {
    if (this.connection.hanging) return "hanging";
    return this.connection.usable ? this.reported : "connecting";
  }

  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.timer);
    await this.connection.close();
  }

  private checkSoon(ms: number): void {
    if (this.closed) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.check(), ms);
  }

  private async check(): Promise<void> {
    const { connection, limits } = this;
    try {
      const wasHanging = connection.hanging;
      // a new connection may reach another process
      this.runId ??= await readRunId(connection);
      // several sections in one INFO: Redis 7
      const info = await connection.probe((client) => client.info("replication", "stats", "clients"));
      // the time of the reply, because the replica may have hung before replying
      const at = performance.now();
      const replication = parseReplication(info);
      const lag = this.lag.lag(at, replication);
      this.lagMs = lag === Infinity ? undefined : lag;
      this.load = parseLoad(info);
      const before = this.reported;
      if (replication.role !== "slave") this.reported = "other-role";
      else if (replication.syncing) this.reported = "syncing";
      else if (!replication.linkUp && replication.linkDownSeconds < 0) this.reported = "unlinked";
      else if (!replication.linkUp && replication.linkDownSeconds > limits.maxStaleSeconds) this.reported = "unlinked";
      else if ((lag ?? 0) > limits.maxLagMs) this.reported = "lagging";
      else this.reported = "serving";
      if (before !== this.reported || wasHanging) this.onChange();
    } catch {
      // the connection reports its own failures
    }
    this.checkSoon(limits.checkMs * (0.75 + Math.random() / 2));
  }
}
