/** Parses `INFO` and computes a replica's lag. Source: redis.io/commands/info */

export interface Replication {
  readonly role: "master" | "slave" | "unknown";
  /** Identity of the replication history that the offset belongs to. */
  readonly replid: string;
  /** Bytes of that history written (main) or applied (replica). */
  readonly offset: number;
  /** Replica: connected to main. */
  readonly linkUp: boolean;
  /** Replica: full sync in progress. */
  readonly syncing: boolean;
  /** Replica: seconds since its link to main went down; -1 if it was never connected. */
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
    linkUp: field("master_link_status") === "up",
    syncing: field("master_sync_in_progress") === "1",
    linkDownSeconds: Number(field("master_link_down_since_seconds") ?? -1),
  };
}

/** A main without an answer for longer than this no longer lets the lag grow, ms. */
const SILENT_MAIN_MS = 2500;

/** Main's offsets over the last minutes, to convert a replica's offset into a lag. */
export class LagTracker {
  private readonly samples: { readonly at: number; readonly offset: number }[] = [];
  private replid = "";

  /** @param keep number of samples */
  constructor(private readonly keep = 240) {}

  /** Main's state at time `at`, ms. */
  record(at: number, main: Replication): void {
    if (main.role !== "master") return;
    if (main.replid !== this.replid) {
      this.replid = main.replid;
      this.samples.length = 0;
    }
    this.samples.push({ at, offset: main.offset });
    if (this.samples.length > this.keep) this.samples.shift();
  }

  /**
   * Minimum lag of the replica, ms: the age of the oldest sample of main that it has not reached; 0 if it has reached
   * all. Undefined if the replica has another history than main, or main has not been sampled. The lag does not grow
   * while main does not answer: a replica cannot miss what main did not write.
   */
  lag(at: number, replica: Replication): number | undefined {
    if (replica.replid !== this.replid) return undefined;
    const newest = this.samples.at(-1);
    if (!newest) return undefined;
    const missing = this.samples.find((sample) => sample.offset > replica.offset);
    return missing ? Math.max(0, Math.min(at, newest.at + SILENT_MAIN_MS) - missing.at) : 0;
  }
}
