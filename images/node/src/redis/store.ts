/** The data path: writes to Redis main, reads from its replicas, main where none of them can. */
import type { Redis } from "ioredis";
import { Discovery } from "../discovery/discovery";
import type { ApiConfig } from "../config";
import { Clock } from "./connection/timeout-clock";
import { Connection, readRunId } from "./connection/connection";
import { asRedisError, NoAnswer, NotSent, Refused } from "./connection/errors";
import { ReplicaPool } from "./reads/replica-pool";
import type { Replica } from "./reads/replica";
import { hasCopy, LagClock, parseReplication } from "./reads/replication-lag";
import { REFUSES_ALL } from "./writes/write-gate";
import { Lanes, WriteLane } from "./writes/write-lane";

/** Replicas that a read asks, one after the other, before it asks main. */
const REPLICA_TRIES = 2;
/** Values up to this size come with the first command, bytes. */
export const HEAD_BYTES = 16 * 1024;
const RETRY_MS = 50;

/** Where a read goes: `eventual` to a replica, `strong` to main. */
export type Consistency = "eventual" | "strong";

/** The instance that a scan stays with; its cursors mean nothing to another. */
export interface Scanned {
  readonly runId: string;
  readonly keys: string[];
  /** Where the next step begins; "0" at the end. */
  readonly cursor: string;
}

export class Store {
  readonly pool: ReplicaPool;
  readonly discovery: Discovery;
  readonly main: Connection;
  private readonly lanes: Lanes;
  /** Reads that main answered: asked for, or because no replica could. */
  readonly readsFromMain = { strong: 0, fallback: 0 };
  private mainRunId: string | undefined;
  private mainSeen = false;
  private startedAt = 0;
  private readonly clock = new Clock();
  private readonly lagClock = new LagClock();
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly config: ApiConfig) {
    const main = {
      address: config.main,
      login: config.login,
      tls: config.tls,
      connectTimeoutMs: config.connectTimeoutMs,
      timeoutMs: config.commandTimeoutMs,
      clock: this.clock,
    };
    this.main = new Connection({
      ...main,
      name: "main",
      onChange: () => {
        this.lookForMain();
        if (this.main.usable) void this.checkMain();
        else this.mainRunId = undefined;
      },
    });
    this.lanes = new Lanes(WriteLane.all(config, this.main, { ...main, name: "main" }, () => this.lookForMain()));
    this.pool = new ReplicaPool(config, this.clock, this.lagClock);
    this.discovery = new Discovery(config, (members) => this.pool.update(members));
  }

  /** Starts connecting, and goes on trying in the background. */
  start(): void {
    this.startedAt = performance.now();
    this.main.open();
    for (const connection of this.toMain) if (connection !== this.main) connection.open();
    this.discovery.start();
    this.timer = setInterval(() => void this.checkMain(), this.config.checkMs);
  }

  /** Resolves when requests can be answered, or after `ms`. */
  async usable(ms: number): Promise<void> {
    const end = performance.now() + ms;
    while (this.trouble !== undefined && performance.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** Lets commands that were sent end, but does not wait for a Redis that hangs. */
  async stop(): Promise<void> {
    this.discovery.stop();
    clearInterval(this.timer);
    await Promise.all([...this.toMain].map((c) => c.close()).concat(this.pool.close()));
    this.clock.stop();
  }

  /**
   * Why this process should get no requests, or undefined.
   *
   * A new one waits for main as well, or writes that are sent to it would fail while another pod could
   * take them. One that has had main goes on without it: reads can be answered.
   */
  get trouble(): string | undefined {
    const { main, pool } = this;
    if (!this.mainSeen && performance.now() - this.startedAt < this.config.mainPatienceMs) {
      return "no connection to Redis main yet";
    }
    return main.usable || pool.anyServes ? undefined : "no connection to Redis, neither main nor a replica";
  }

  /**
   * The value's first {@link HEAD_BYTES}; empty where it is, and where there is none. So a flood of
   * reads of large values cannot fill the memory: who wants more asks {@link get}, for one at a time.
   */
  head(id: string, consistency: Consistency): Promise<string> {
    return this.read((client) => client.getrange(id, 0, HEAD_BYTES - 1), consistency);
  }

  get(id: string, consistency: Consistency): Promise<string | null> {
    return this.read((client) => client.get(id), consistency);
  }

  async set(id: string, value: string): Promise<void> {
    await this.write((client) => client.set(id, value));
  }

  async delete(id: string): Promise<void> {
    await this.write((client) => client.del(id));
  }

  /**
   * One step of a scan. Without `from` it begins, on an instance of its choice; with `from` it goes
   * on there, or is undefined where that instance no longer serves.
   *
   * @param count keys that the step looks at, about
   */
  async scan(
    match: string | undefined,
    count: number,
    consistency: Consistency,
    from?: Pick<Scanned, "runId" | "cursor">,
  ): Promise<Scanned | undefined> {
    const step = (cursor: string) => (client: Redis) =>
      match === undefined ? client.scan(cursor, "COUNT", count) : client.scan(cursor, "MATCH", match, "COUNT", count);
    const result = (runId: string, [cursor, keys]: [string, string[]]): Scanned => ({ runId, keys, cursor });
    if (!from) {
      for (let tries = 0, asked: Replica | undefined; consistency === "eventual" && tries < REPLICA_TRIES; tries++) {
        const replica = this.pool.choose(asked);
        if (!replica?.runId) break;
        asked = replica;
        try {
          return result(replica.runId, await replica.connection.send(step("0")));
        } catch (error) {
          if (error instanceof Refused && !error.passing) throw error;
        }
      }
      if (!this.mainRunId) throw new NotSent("Redis is not reachable");
      return result(
        this.mainRunId,
        await this.main.send(step("0")).catch((e: Error) => Promise.reject(asRedisError(e))),
      );
    }
    const connection = from.runId === this.mainRunId ? this.main : this.pool.byRunId(from.runId)?.connection;
    if (!connection?.usable) return undefined;
    try {
      return result(from.runId, await connection.send(step(from.cursor)));
    } catch (error) {
      if (error instanceof Refused && !error.passing) throw error;
      return undefined;
    }
  }

  private async read<T>(command: (client: Redis) => Promise<T>, consistency: Consistency): Promise<T> {
    if (consistency === "eventual") {
      let asked: Replica | undefined;
      for (let tries = 0; tries < REPLICA_TRIES; tries++) {
        const replica = this.pool.choose(asked);
        if (!replica) break;
        asked = replica;
        const begin = performance.now();
        try {
          const value = await replica.connection.send(command);
          replica.answered++;
          replica.seconds += (performance.now() - begin) / 1000;
          return value;
        } catch (error) {
          if (error instanceof Refused && !error.passing) throw error;
          replica.failed++;
        }
      }
    }
    const value = await this.onMain(this.main, this.main, command, true);
    this.readsFromMain[consistency === "strong" ? "strong" : "fallback"]++;
    return value;
  }

  /**
   * While main refuses every write none is sent, so that none is under way, and in doubt, when its connection goes:
   * that is what a planned change of main looks like, and no caller's write fails for it.
   */
  private async write<T>(command: (client: Redis) => Promise<T>): Promise<T> {
    const end = performance.now() + this.config.writePatienceMs;
    for (;;) {
      const lane = this.lanes.next();
      await lane.refusal?.over(end);
      try {
        return await this.onMain(lane.connection, lane, command, false, end);
      } catch (error) {
        if (!(error instanceof Refused && REFUSES_ALL.has(error.code))) throw error;
        lane.refused(error, this.config.writePatienceMs);
      }
    }
  }

  /**
   * Main may be away for a moment, or lack copies: what was certainly not carried out is tried again until the
   * time-out. One that has been so for longer is not waited for.
   */
  private async onMain<T>(
    main: Connection,
    to: Connection | WriteLane,
    command: (client: Redis) => Promise<T>,
    again: boolean,
    end = performance.now() + this.config.commandTimeoutMs,
  ): Promise<T> {
    const limit = again ? this.config.commandTimeoutMs : this.config.writePatienceMs;
    let refused: Refused | undefined;
    for (;;) {
      try {
        return await to.send(command);
      } catch (error) {
        const harmless =
          error instanceof NotSent ||
          (error instanceof Refused && error.passing) ||
          // a read does no harm twice; one that waited for its whole time-out has no time left
          (again && error instanceof NoAnswer);
        if (error instanceof Refused) refused = error;
        if (!again && refused && refused === error && REFUSES_ALL.has(refused.code)) throw refused;
        const left = end - performance.now();
        if (!harmless || left < RETRY_MS || main.hanging || main.downMs > limit) {
          throw harmless ? (refused ?? error) : asRedisError(error);
        }
        if (main.usable) await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
        else await main.whenUsable(left);
      }
    }
  }

  private get toMain(): ReadonlySet<Connection> {
    return new Set([this.main, ...this.lanes.all.map(({ connection }) => connection)]);
  }

  private lookForMain(): void {
    for (const lane of this.lanes.all) lane.named();
    this.mainSeen ||= this.main.usable && this.lanes.all.some(({ connection }) => connection.usable);
  }

  private async checkMain(): Promise<void> {
    try {
      const at = performance.now();
      this.mainRunId ??= await readRunId(this.main);
      const info = await this.main.send((client) => client.info("replication"), true);
      this.lagClock.record(at, parseReplication(info));
      if (hasCopy(info)) for (const lane of this.lanes.all) lane.seen(at, this.main.remote);
    } catch {
      // its connection tells
    }
  }
}
