/** The data path: writes go to Redis main (primary), reads to its replicas, or to main if no replica can answer. */
import type { Redis } from "ioredis";
import type { ApiConfig } from "../config";
import { Discovery } from "../discovery/discovery";
import { isFinal } from "./connection/errors";
import { TimeoutClock } from "./connection/timeout-clock";
import { BulkReader, otherMayAnswer } from "./reads/bulk-reader";
import { REPLICA_TRIES, ReplicaPool } from "./reads/replica-pool";
import type { Replica } from "./reads/replica";
import { LagTracker } from "./reads/replication-lag";
import { Scanner, type Scanned, type ScanQuery } from "./reads/scanner";
import { MainConnection } from "./writes/main-connection";

/** Interval at which a read looks for an instance that can answer, in ms. */
const WAIT_MS = 50;
/** Values below this size, in bytes, need only one command. */
export const HEAD_BYTES = 16 * 1024;

/**
 * What a read sees. `eventual`: the data of a replica, which may be slightly behind main. `strong`: every acknowledged
 * write, and with `ha` no write that may still be lost.
 */
export type Consistency = "eventual" | "strong";

export class Store {
  readonly pool: ReplicaPool;
  readonly discovery: Discovery;
  readonly main: MainConnection;
  /** Number of reads answered by main, as requested or because no replica could answer. */
  readonly readsFromMain = { strong: 0, fallback: 0 };
  private startedAt = 0;
  private readonly clock = new TimeoutClock();
  /** Reads steps of lists. */
  private readonly steps: BulkReader;
  /** Reads large values separately, so that they do not wait for lists. */
  private readonly values: BulkReader;
  private readonly scanner: Scanner;

  constructor(private readonly config: ApiConfig) {
    const lagTracker = new LagTracker();
    this.main = new MainConnection(config, this.clock, lagTracker);
    this.pool = new ReplicaPool(config, this.clock, lagTracker);
    this.steps = new BulkReader("lists", config, this.clock, this.main, this.pool);
    this.values = new BulkReader("values", config, this.clock, this.main, this.pool);
    this.scanner = new Scanner(this.steps, this.main, this.pool);
    this.discovery = new Discovery(config, (members) => this.pool.update(members));
  }

  /** Starts connecting, and keeps retrying in the background. */
  start(): void {
    this.startedAt = performance.now();
    this.main.open();
    this.discovery.start();
  }

  /** Resolves when requests can be answered, or after `ms`. */
  async whenReady(ms: number): Promise<void> {
    const end = performance.now() + ms;
    while (this.notReadyReason !== undefined && performance.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** Waits for outstanding replies, but not for a Redis that hangs. */
  async stop(): Promise<void> {
    this.discovery.stop();
    await Promise.all([this.steps.close(), this.values.close(), this.main.close(), this.pool.close()]);
    this.clock.stop();
  }

  /**
   * The reason why this process should get no requests, or undefined.
   *
   * A new process also waits for main, because its writes would fail while other pods could handle them. A process that
   * has been connected to main stays ready without it, because it can still serve reads.
   */
  get notReadyReason(): string | undefined {
    const { main, pool } = this;
    if (!main.everReady && performance.now() - this.startedAt < this.config.mainPatienceMs) {
      return "no connection to Redis main yet";
    }
    return main.usable || pool.anyServes ? undefined : "no connection to Redis: neither to main nor to a replica";
  }

  /**
   * The value's first {@link HEAD_BYTES}; empty if the value is empty or missing. Because of this limit, many
   * concurrent reads of large values cannot fill the memory; {@link large} returns a whole value.
   */
  head(id: string, consistency: Consistency): Promise<string> {
    return this.read((client) => client.getrange(id, 0, HEAD_BYTES - 1), consistency);
  }

  async exists(id: string, consistency: Consistency): Promise<boolean> {
    return (await this.read((client) => client.exists(id), consistency)) > 0;
  }

  /**
   * Reads a large value as bytes, because turning a megabyte into text and back would delay other requests. It reads
   * one value at a time from each instance, over a separate connection.
   *
   * @param left whether the caller has disconnected; if so, nothing is sent
   */
  async large(id: string, consistency: Consistency, left: () => boolean): Promise<Buffer | null> {
    const strong = consistency === "strong";
    const command = { send: (client: Redis) => client.getBuffer(id), strong, left, matches: false };
    const ask = async () => (await this.values.onAny(command)).value;
    return this.untilAnswered(ask, strong ? this.config.writePatienceMs : this.config.commandTimeoutMs);
  }

  async set(id: string, value: string): Promise<void> {
    await this.main.write((client) => client.set(id, value));
  }

  async delete(id: string): Promise<void> {
    await this.main.write((client) => client.del(id));
  }

  /**
   * Runs one step of a scan. Without `from`, it starts on any instance. With `from`, it continues on the same instance,
   * or returns undefined if that instance no longer serves reads.
   */
  scan(query: ScanQuery, from?: Pick<Scanned, "runId" | "cursor">): Promise<Scanned | undefined> {
    return from ? this.scanner.next(query, from) : this.scanner.first(query);
  }

  private async read<T>(command: (client: Redis) => Promise<T>, consistency: Consistency): Promise<T> {
    if (consistency === "strong") {
      const value = await this.main.strongRead(command);
      this.readsFromMain.strong++;
      return value;
    }
    return this.untilAnswered(() => this.readFromAny(command), this.config.commandTimeoutMs);
  }

  /**
   * Repeats a read for `patienceMs` while no instance can answer. After a restart of main, all replicas copy its data.
   * If they begin before this process has reconnected to main, no instance can answer for a moment.
   */
  private async untilAnswered<T>(ask: () => Promise<T>, patienceMs: number): Promise<T> {
    const end = performance.now() + patienceMs;
    for (;;) {
      try {
        return await ask();
      } catch (error) {
        const left = end - performance.now();
        if (!otherMayAnswer(error) || left < WAIT_MS || (this.main.missing && !this.pool.anyServes)) throw error;
        if (this.main.usable) await new Promise((resolve) => setTimeout(resolve, WAIT_MS));
        else await this.main.whenUsable(WAIT_MS);
      }
    }
  }

  private async readFromAny<T>(command: (client: Redis) => Promise<T>): Promise<T> {
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
        if (isFinal(error)) throw error;
        replica.failed++;
      }
    }
    const value = await this.main.read(command, 0);
    this.readsFromMain.fallback++;
    return value;
  }
}
