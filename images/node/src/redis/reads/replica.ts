/** A replica: its connection, what it says of itself, and whether it may be asked. */
import { Connection, readRunId, type ConnectionOptions } from "../connection/connection";
import { parseLoad, parseReplication, type LagTracker, type RedisLoad } from "./replication-lag";

export const REPLICA_STATES = [
  /** asked for reads */
  "serving",
  /** no connection yet, or no longer */
  "connecting",
  /** sent commands are not answered */
  "hanging",
  /** copying all data from main */
  "syncing",
  /** further behind main than the bound */
  "lagging",
  /** without main for longer than the bound, or never linked */
  "unlinked",
  /** says that it is no replica */
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
  /** Identity of the Redis process: what SCAN cursors belong to. */
  runId: string | undefined;
  /** ms behind main; undefined where unknown */
  lagMs: number | undefined;
  /** What it has to do, whoever asks; undefined until it reported so, and once it is gone. */
  load: RedisLoad | undefined;
  /** Reads answered and failed, and the seconds that answers took in all. */
  answered = 0;
  failed = 0;
  seconds = 0;
  private reported: ReplicaState = "connecting";
  private timer: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(
    options: Omit<ConnectionOptions, "onChange">,
    private readonly limits: ReplicaLimits,
    private readonly lagTracker: LagTracker,
    private readonly onChange: () => void,
  ) {
    this.name = options.name;
    this.connection = new Connection({
      ...options,
      onChange: () => {
        if (!this.connection.usable) {
          this.reported = "connecting";
          this.runId = undefined;
          this.load = undefined;
        }
        this.onChange();
        // a connection just made is of no use before it was checked
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
      // another process may be behind a connection made anew
      this.runId ??= await readRunId(connection);
      // several sections at once: Redis 7
      const info = await connection.probe((client) => client.info("replication", "stats", "clients"));
      // it may have hung for long: believe nothing that is older than the moment it answered
      const at = performance.now();
      const replication = parseReplication(info);
      this.lagMs = this.lagTracker.lag(at, replication);
      this.load = parseLoad(info);
      const before = this.reported;
      if (replication.role !== "slave") this.reported = "other-role";
      else if (replication.syncing) this.reported = "syncing";
      else if (!replication.linkUp && replication.linkDownSeconds < 0) this.reported = "unlinked";
      else if (!replication.linkUp && replication.linkDownSeconds > limits.maxStaleSeconds) this.reported = "unlinked";
      else if ((this.lagMs ?? 0) > limits.maxLagMs) this.reported = "lagging";
      else this.reported = "serving";
      if (before !== this.reported || wasHanging) this.onChange();
    } catch {
      // its connection tells what it knows by itself
    }
    this.checkSoon(limits.checkMs * (0.75 + Math.random() / 2));
  }
}
