/** What `INFO replication` says, and how far a replica is behind. Source: redis.io/commands/info */

export interface Replication {
  readonly role: "master" | "slave" | "unknown";
  /** Identity of the history that the offset counts in. */
  readonly replid: string;
  /** Bytes of that history written (main) or applied (replica). */
  readonly offset: number;
  /** Replica: linked to main. */
  readonly linkUp: boolean;
  /** Replica: copying all of main's data. */
  readonly syncing: boolean;
  /** Replica: seconds since the link was lost; -1 where it never was up. */
  readonly linkDownSeconds: number;
}

/** What an instance has to do, whoever asks it. */
export interface RedisLoad {
  readonly commandsPerSecond: number;
  readonly clients: number;
}

/** The fields of any answer of `INFO`. */
function parseInfo(info: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (const line of info.split(/\r?\n/)) {
    const colon = line.indexOf(":");
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1));
  }
  return fields;
}

/** From `INFO stats clients`; undefined where the sections are not there. */
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

/**
 * Whether a copy that could be promoted follows this main, heard of within the last two seconds. Those announce an
 * address; replicas for reads a name.
 */
export const hasCopy = (info: string): boolean =>
  /^slave\d+:ip=[\d.:a-f]+,port=\d+,state=online,offset=\d+,lag=[012]\b/m.test(info);

/** A main that was not heard of for longer than this has stopped, ms. */
const SILENT_MAIN_MS = 2500;

/** Main's offsets over the last minutes: what turns a replica's offset into an age. */
export class LagTracker {
  private readonly samples: { readonly at: number; readonly offset: number }[] = [];
  private replid = "";

  /** @param keep samples kept, oldest first to go */
  constructor(private readonly keep = 240) {}

  /** Main had `offset` at time `at`, ms. */
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
   * How long the replica has at least been behind, ms: the age of the first sample of main that it
   * has not reached; 0 where it has reached all. Undefined where main is of another history, or
   * was not heard of. It does not grow while main is silent: what main did not write, nobody misses.
   */
  lag(at: number, replica: Replication): number | undefined {
    if (replica.replid !== this.replid) return undefined;
    const newest = this.samples.at(-1);
    if (!newest) return undefined;
    const missing = this.samples.find((sample) => sample.offset > replica.offset);
    return missing ? Math.max(0, Math.min(at, newest.at + SILENT_MAIN_MS) - missing.at) : 0;
  }
}
