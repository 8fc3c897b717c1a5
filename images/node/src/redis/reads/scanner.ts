/** Where the steps of a list go: to a replica, or to main if it is requested or no replica can answer. */
import type { Redis } from "ioredis";
import type { ApiConfig } from "../../config";
import type { Connection } from "../connection/connection";
import { isFinal, NotSent } from "../connection/errors";
import type { TimeoutClock } from "../connection/timeout-clock";
import type { Replica } from "./replica";
import type { ReplicaPool } from "./replica-pool";
import { Abandoned, type Instance, ScanConnections, TooManyLists } from "./scan-connection";

/** Replicas that a list tries. */
const REPLICA_TRIES = 2;

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

/** The parts of main's interface that a list needs. */
interface Main {
  readonly runId: string | undefined;
  readonly connection: Pick<Connection, "target" | "usable">;
  /** Resolves if main has recently confirmed that it is main. */
  whenRecent(): Promise<void>;
  /** Whether this process is still main, so that everything it has answered is confirmed. */
  proves(runId: string): Promise<boolean>;
}

export class Scanner {
  private readonly connections = new ScanConnections();

  constructor(
    private readonly config: ApiConfig,
    private readonly clock: TimeoutClock,
    private readonly main: Main,
    private readonly pool: ReplicaPool,
  ) {}

  close(): Promise<void> {
    return this.connections.close();
  }

  /**
   * The first step. It goes to main only if no replica answers at all: busy replicas must not make main busy as well.
   */
  async first(query: ScanQuery): Promise<Scanned> {
    let asked: Replica | undefined;
    let busy: unknown;
    for (let tries = 0; !query.strong && tries < REPLICA_TRIES; tries++) {
      const replica = this.pool.choose(asked);
      if (!replica?.runId) break;
      asked = replica;
      try {
        return await this.onReplica(replica, replica.runId, "0", query);
      } catch (error) {
        if (!otherMayAnswer(error)) throw error;
        if (await replica.connection.send((client) => client.ping()).catch(() => undefined)) busy = error;
      }
    }
    if (busy) throw busy;
    const { runId } = this.main;
    const found = runId && (await this.onMain(runId, "0", query));
    if (!found) throw new NotSent("Redis is not reachable");
    return found;
  }

  /** The step at `cursor`, on the same instance; undefined if that one no longer serves reads. */
  async next(query: ScanQuery, { runId, cursor }: Pick<Scanned, "runId" | "cursor">): Promise<Scanned | undefined> {
    const isMain = () => runId === this.main.runId && this.main.connection.usable;
    if (isMain()) {
      try {
        return await this.onMain(runId, cursor, query);
      } catch (error) {
        if (isMain() || !otherMayAnswer(error)) throw error;
        return undefined;
      }
    }
    const replica = query.strong ? undefined : this.pool.byRunId(runId);
    if (!replica) return undefined;
    try {
      return await this.onReplica(replica, runId, cursor, query);
    } catch (error) {
      if (this.pool.byRunId(runId) || !otherMayAnswer(error)) throw error;
      return undefined;
    }
  }

  /**
   * Undefined if another process is main by now. After a strong step, the same process proves that it is still main: so
   * it was main during the step, and everything that the step returned is confirmed.
   */
  private async onMain(runId: string, cursor: string, query: ScanQuery): Promise<Scanned | undefined> {
    const { connection } = this.main;
    const address = connection.target;
    if (!address) throw new NotSent("Redis is not reachable");
    const { login, commandTimeoutMs: timeoutMs } = this.config;
    const options = { ...this.options, name: "main (lists)", login, timeoutMs };
    if (!query.strong) await this.main.whenRecent();
    const found = await this.step({ runId, address }, options, cursor, query);
    if (!query.strong) return found;
    return (await this.main.proves(runId)) ? found : undefined;
  }

  private onReplica(replica: Replica, runId: string, cursor: string, query: ScanQuery): Promise<Scanned> {
    const address = replica.connection.target;
    if (!address) return Promise.reject(new NotSent("Redis is not reachable"));
    const { readLogin: login, readTimeoutMs: timeoutMs } = this.config;
    const options = { ...this.options, name: `${replica.name} (lists)`, login, timeoutMs };
    return this.step({ runId, address }, options, cursor, query);
  }

  private get options() {
    const { tls, connectTimeoutMs } = this.config;
    return { tls, connectTimeoutMs, clock: this.clock };
  }

  private async step(
    instance: Instance,
    options: Parameters<ScanConnections["send"]>[1],
    at: string,
    { match, count, left }: ScanQuery,
  ): Promise<Scanned> {
    const scan = (client: Redis) =>
      match === undefined ? client.scan(at, "COUNT", count) : client.scan(at, "MATCH", match, "COUNT", count);
    const [cursor, keys] = await this.connections.send(instance, options, scan, { left, matches: match !== undefined });
    return { runId: instance.runId, keys, cursor };
  }
}

/** Whether the same step may succeed on another instance. */
const otherMayAnswer = (error: unknown): boolean =>
  !(error instanceof TooManyLists || error instanceof Abandoned) && !isFinal(error);
