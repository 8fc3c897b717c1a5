/** Connections to main: one for reads, one or more lanes for writes, and main's health. */
import type { Redis } from "ioredis";
import type { ApiConfig } from "../../config";
import { Connection } from "../connection/connection";
import { asRedisError, isFinal, NoAnswer, NotSent, Refused } from "../connection/errors";
import { MainLocator } from "../connection/main-locator";
import { FixedMain, sameAddress, type MainAddress, type MainSource } from "../connection/main-source";
import { readRunId } from "../connection/run-id";
import type { TimeoutClock } from "../connection/timeout-clock";
import { type LagTracker, parseReplication } from "../reads/replication-lag";
import { WRITE_REFUSALS } from "./write-gate";
import { Lanes, WriteLane } from "./write-lane";

const RETRY_MS = 50;

interface Attempts {
  /** The connection used. */
  readonly connection: Connection;
  /** Whether the command may change data; commands that do not may be sent twice. */
  readonly write: boolean;
  /** When to give up, in ms of performance.now(). */
  readonly end: number;
}

export class MainConnection {
  /** The connection for reads, scans and health checks; writes share it if they do not wait for copies. */
  readonly connection: Connection;
  /** Identity of the Redis process: a SCAN cursor is valid only in the process that issued it. */
  runId: string | undefined;
  /** Whether main has been available for reads and writes at any time since the start. */
  everReady = false;
  private readonly source: MainSource;
  private readonly lanes: Lanes;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly config: ApiConfig,
    clock: TimeoutClock,
    private readonly lagTracker: LagTracker,
  ) {
    const { main, login, tls, connectTimeoutMs } = config;
    this.source =
      "sentinels" in main
        ? new MainLocator(main, {
            ...{ login, tls, connectTimeoutMs, clock },
            intervalMs: config.checkMs,
            onChange: (found) => this.moveTo(found),
          })
        : new FixedMain(main);
    const options = {
      ...{ login, tls, connectTimeoutMs, clock },
      address: () => this.source.address(),
      timeoutMs: config.commandTimeoutMs,
      late: "reset" as const,
    };
    this.connection = new Connection({
      ...options,
      name: "main",
      onChange: () => {
        this.onMainChange();
        if (this.usable) void this.check();
        else this.runId = undefined;
      },
    });
    this.lanes = new Lanes(
      WriteLane.all(config, { ...options, main: this.connection, source: this.source }, () => this.onMainChange()),
    );
  }

  /** Starts connecting, and keeps retrying in the background. */
  open(): void {
    this.source.open();
    for (const connection of this.connections) connection.open();
    this.timer = setInterval(() => void this.check(), this.config.checkMs);
  }

  /** Waits for outstanding replies, then closes permanently. */
  async close(): Promise<void> {
    clearInterval(this.timer);
    await Promise.all([...this.connections, this.source].map((closing) => closing.close()));
  }

  get usable(): boolean {
    return this.connection.usable;
  }

  /**
   * Main has been down for longer than a request waits for it, so waiting would only use up capacity for other
   * requests.
   */
  get missing(): boolean {
    return this.connection.downMs > this.config.mainPatienceMs;
  }

  /** Resolves once main is usable, or after `ms`. */
  whenUsable(ms: number): Promise<void> {
    return this.connection.whenUsable(ms);
  }

  /** Reads main's data, at most {@link ApiConfig.maxLagMs} old; it may include writes that can still be lost. */
  async read<T>(command: (client: Redis) => Promise<T>, patienceMs: number = this.config.commandTimeoutMs): Promise<T> {
    await this.whenRecent();
    const { connection } = this;
    const end = performance.now() + patienceMs;
    return this.attempt(() => connection.send(command), { connection, write: false, end });
  }

  /**
   * Resolves if main has recently confirmed that it is main, or once it has: an isolated main does not know that it has
   * been replaced.
   */
  async whenRecent(): Promise<void> {
    if (this.config.commitCopies === 0) return;
    const since = performance.now() - this.config.maxLagMs;
    const { target } = this.connection;
    if (this.lanes.all.some((lane) => lane.provedAt > since && sameAddress(lane.connection.target, target))) return;
    await this.strongRead((client) => client.exists("commit"));
  }

  /** Returns every acknowledged write, and none that may still be lost. */
  strongRead<T>(command: (client: Redis) => Promise<T>): Promise<T> {
    return this.config.commitCopies === 0
      ? this.read(command)
      : this.onLane((lane, end) => lane.send(command, false, end), false);
  }

  write<T>(command: (client: Redis) => Promise<T>): Promise<T> {
    return this.onLane((lane, end) => lane.send(command, true, end), true);
  }

  /**
   * Whether the Redis process `runId` is still main. If so, everything that it has answered until now is confirmed, as
   * by a {@link strongRead}.
   */
  async proves(runId: string): Promise<boolean> {
    const lane = this.lanes.find((l) => l.connection.usable && this.runIdOf(l) === runId);
    if (!lane) return false;
    try {
      await lane.send((client) => client.ping(), false, performance.now() + this.config.writePatienceMs);
      return this.runIdOf(lane) === runId;
    } catch (error) {
      if (isFinal(error)) throw error;
      return false;
    }
  }

  /**
   * While main rejects all writes, no command is sent. During a planned failover, main first rejects writes, then
   * closes its connections: no write is in flight at that time, so none fails and none has an unknown outcome.
   */
  private async onLane<T>(send: (lane: WriteLane, end: number) => Promise<T>, write: boolean): Promise<T> {
    const patienceMs = this.config.writePatienceMs;
    const end = performance.now() + patienceMs;
    for (;;) {
      const lane = this.lanes.next();
      const { connection } = lane;
      await lane.gate?.untilOpen(end);
      try {
        return await this.attempt(() => send(lane, end), { connection, write, end });
      } catch (error) {
        if (!(error instanceof Refused && WRITE_REFUSALS.has(error.code))) throw error;
        lane.closeGate(error, patienceMs);
      }
    }
  }

  private runIdOf(lane: WriteLane): string | undefined {
    return lane.connection === this.connection ? this.runId : lane.runId;
  }

  /**
   * Until the timeout, retries a command that has certainly not been executed, because main may be down or lack copies
   * only for a moment. Does not wait for a main that has been down for longer than that.
   */
  private async attempt<T>(send: () => Promise<T>, { connection, write, end }: Attempts): Promise<T> {
    let refused: Refused | undefined;
    for (;;) {
      try {
        return await send();
      } catch (error) {
        const retryable =
          error instanceof NotSent ||
          (error instanceof Refused && error.transient) ||
          // after a full timeout, no time is left for another attempt
          (!write && error instanceof NoAnswer);
        if (error instanceof Refused) {
          refused = error;
          if (WRITE_REFUSALS.has(error.code)) throw error;
        }
        const left = end - performance.now();
        if (!retryable || left < RETRY_MS || connection.downMs > this.config.mainPatienceMs) {
          throw asRedisError(retryable ? (refused ?? error) : error);
        }
        if (connection.usable) await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
        else await connection.whenUsable(left);
      }
    }
  }

  private get connections(): ReadonlySet<Connection> {
    return new Set([this.connection, ...this.lanes.all.map(({ connection }) => connection)]);
  }

  private onMainChange(): void {
    if ([...this.connections].some(({ usable }) => !usable)) this.source.ask();
    this.everReady ||= this.usable && this.lanes.all.some(({ connection }) => connection.usable);
  }

  /** Drops every connection that does not lead to this main. */
  private moveTo(main: MainAddress): void {
    for (const connection of this.connections) {
      if (connection.target && !sameAddress(connection.target, main)) connection.reconnect();
    }
  }

  private async check(): Promise<void> {
    const { connection } = this;
    try {
      const at = performance.now();
      this.runId ??= await readRunId(connection);
      const info = await connection.probe((client) => client.info("replication"));
      this.lagTracker.record(at, parseReplication(info));
    } catch {
      // the connection reports its own failures
    }
  }
}
