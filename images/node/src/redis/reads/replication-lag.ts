/** Parses `INFO` and computes a replica's lag. Source: redis.io/commands/info */

export interface Replication {
  readonly role: "master" | "slave" | "unknown";
  /** Identity of the replication history that the offset belongs to. */
  readonly replid: string;
  /** Number of bytes of that history that have been written (main) or applied (replica). */
  readonly offset: number;
  /** The history that this one continues since a failover, and the offset up to which the two are identical. */
  readonly formerReplid: string;
  readonly formerOffset: number;
  /** Replica: connected to main. */
  readonly linkUp: boolean;
  /** Replica: full sync in progress. */
  readonly syncing: boolean;
  /** On a replica: seconds since its link to main went down; -1 if it was never connected. */
  readonly linkDownSeconds: number;
}

/** Load of an instance from all clients. */
export interface RedisLoad {
  readonly commandsPerSecond: number;
  readonly clients: number;
}

function parseInfo(info: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (const line of info.split(/\r?\n/)) {
    const colon = line.indexOf(":");
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1));
  }
  return fields;
}

/** From `INFO stats clients`; undefined if the sections are missing. */
export function parseLoad(info: string): RedisLoad | undefined {
  const fields = parseInfo(info);
  const commandsPerSecond = Number(fields.get("instantaneous_ops_per_sec"));
  const clients = Number(fields.get("connected_clients"));
  return Number.isFinite(commandsPerSecond) && Number.isFinite(clients) ? { commandsPerSecond, clients } : undefined;
}

export function parseReplication(info: string): Replication {
  const fields = parseInfo(info);
  const field = (name: string): string | undefined => fields.get(name);
  const role = field("role");
  return {
    role: role === "master" || role === "slave" ? role : "unknown",
    replid: field("master_replid") ?? "",
    offset: Number((role === "slave" ? field("slave_repl_offset") : undefined) ?? field("master_repl_offset") ?? 0),
    formerReplid: field("master_replid2") ?? "",
    // the first byte that differs
    formerOffset: Number(field("second_repl_offset") ?? 0) - 1,
    linkUp: field("master_link_status") === "up",
    syncing: field("master_sync_in_progress") === "1",
    linkDownSeconds: Number(field("master_link_down_since_seconds") ?? -1),
  };
}

/** Time in ms after which the lag of replicas stops growing if main does not answer. */
const SILENT_MAIN_MS = 2500;

interface Sample {
  readonly at: number;
  readonly offset: number;
}

/** Main's offsets over the last minutes, to convert a replica's offset into a lag. */
export class LagTracker {
  private samples: Sample[] = [];
  private main: Replication | undefined;
  /** Main's former histories, and when they ended. */
  private readonly ended = new Map<string, number>();

  /** @param keep number of samples and of former histories to keep */
  constructor(private readonly keep = 240) {}

  /** Records main's state at time `at`, in ms. */
  record(at: number, main: Replication): void {
    if (main.role !== "master") return;
    const before = this.main;
    this.main = main;
    if (before && before.replid !== main.replid) {
      this.ended.set(before.replid, at);
      this.ended.delete(main.replid);
      if (this.ended.size > this.keep) this.ended.delete(this.ended.keys().next().value!);
      // a promoted replica continues from the offset of its main
      const same = before.replid === main.formerReplid ? main.formerOffset : -1;
      this.samples = this.samples.filter(({ offset }) => offset <= same);
    }
    this.samples.push({ at, offset: main.offset });
    if (this.samples.length > this.keep) this.samples.shift();
  }

  /** A lag calculator for one replica. */
  replica(): ReplicaLag {
    return new ReplicaLag(this);
  }

  /**
   * Minimum lag of a replica with main's history, in ms: the age of the oldest of main's samples that the replica has
   * not reached; 0 if it has reached all of them. Undefined if it has another history.
   */
  inHistory(at: number, replica: Replication): number | undefined {
    const { main } = this;
    const same =
      replica.replid === main?.replid || (replica.replid === main?.formerReplid && replica.offset <= main.formerOffset);
    if (!same) return undefined;
    const missing = this.samples.find((sample) => sample.offset > replica.offset);
    return missing ? this.since(missing.at, at) : 0;
  }

  /** When main stopped having this history; undefined if main never had it. */
  endOf(replid: string): number | undefined {
    return this.ended.get(replid);
  }

  get hasMain(): boolean {
    return this.main !== undefined;
  }

  /**
   * Time from `begin` to `at`, without the time in which main did not answer: a replica cannot miss data that main did
   * not write.
   */
  since(begin: number, at: number): number {
    const newest = this.samples.at(-1)?.at ?? at;
    return Math.max(0, Math.min(at, newest + SILENT_MAIN_MS) - begin);
  }
}

/** The lag of one replica, even while its history differs from main's. */
export class ReplicaLag {
  /** The time at which the replica last had main's history, minus its lag at that time. */
  private freshAt: number | undefined;

  constructor(private readonly tracker: LagTracker) {}

  /**
   * Minimum lag, in ms. If the histories differ, it counts from the moment at which they diverged: a failover is in
   * progress. Infinity if the replica has never had main's history; undefined if main is not known yet.
   */
  lag(at: number, replica: Replication): number | undefined {
    const { tracker } = this;
    if (!tracker.hasMain) return undefined;
    const lag = tracker.inHistory(at, replica);
    if (lag !== undefined) {
      this.freshAt = at - lag;
      return lag;
    }
    const parted = tracker.endOf(replica.replid) ?? this.freshAt;
    return parted === undefined ? Infinity : tracker.since(parted, at);
  }
}
