/**
 * Runs the steps of a list: the first on any instance, and the others on the same one, because a cursor is valid only
 * there.
 */
import type { Redis } from "ioredis";
import { type BulkAnswer, type BulkCommand, type BulkReader, type Main, otherMayAnswer } from "./bulk-reader";
import type { ReplicaPool } from "./replica-pool";

/** One step of a scan. Its cursor is only valid on the same instance. */
export interface Scanned {
  readonly runId: string;
  readonly keys: string[];
  /** Start of the next step; "0" at the end. */
  readonly cursor: string;
}

export interface ScanQuery {
  /** Redis pattern of the keys. */
  readonly match: string | undefined;
  /** Approximate number of keys to scan. */
  readonly count: number;
  /** Whether only main may answer. */
  readonly strong: boolean;
  /** Whether the caller has disconnected. */
  readonly left: () => boolean;
}

type Answer = [cursor: string, keys: string[]];

export class Scanner {
  constructor(
    private readonly reader: BulkReader,
    private readonly main: Main,
    private readonly pool: ReplicaPool,
  ) {}

  async first(query: ScanQuery): Promise<Scanned> {
    return scanned(await this.reader.onAny(step("0", query)));
  }

  /** Runs the step at `cursor` on the same instance; undefined if that instance no longer serves reads. */
  async next(query: ScanQuery, { runId, cursor }: Pick<Scanned, "runId" | "cursor">): Promise<Scanned | undefined> {
    const isMain = () => runId === this.main.runId && this.main.connection.usable;
    if (isMain()) {
      try {
        const found = await this.reader.onMain(runId, step(cursor, query));
        return found && scanned(found);
      } catch (error) {
        if (isMain() || !otherMayAnswer(error)) throw error;
        return undefined;
      }
    }
    const replica = query.strong ? undefined : this.pool.byRunId(runId);
    if (!replica) return undefined;
    try {
      return scanned(await this.reader.onReplica(replica, runId, step(cursor, query)));
    } catch (error) {
      if (this.pool.byRunId(runId) || !otherMayAnswer(error)) throw error;
      return undefined;
    }
  }
}

const step = (at: string, { match, count, strong, left }: ScanQuery): BulkCommand<Answer> => ({
  send: (client: Redis) =>
    match === undefined ? client.scan(at, "COUNT", count) : client.scan(at, "MATCH", match, "COUNT", count),
  ...{ strong, left, matches: match !== undefined },
});

const scanned = ({ runId, value: [cursor, keys] }: BulkAnswer<Answer>): Scanned => ({ runId, cursor, keys });
