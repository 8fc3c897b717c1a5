/** Main: one connection for reads, one or several lanes for writes, and what is known of it. */
import type { Redis } from "ioredis";
import type { ApiConfig } from "../../config";
import { Connection, readRunId } from "../connection/connection";
import { asRedisError, NoAnswer, NotSent, Refused } from "../connection/errors";
import type { TimeoutClock } from "../connection/timeout-clock";
import { hasCopy, type LagTracker, parseReplication } from "../reads/replication-lag";
import { WRITE_REFUSALS } from "./write-gate";
import { Lanes, WriteLane } from "./write-lane";

const RETRY_MS = 50;

interface Attempts {
  /** The connection that the command uses. */
  readonly connection: Connection;
  /** Whether it may be sent twice: a read. */
  readonly repeatable: boolean;
  /** A main that has been away for longer than this is not waited for, ms. */
  readonly patienceMs: number;
  /** When the caller gives up, ms as performance.now() has it. */
  readonly end: number;
}

export class MainConnection {
  /** For reads, scans and checks; writes share it where no copy is waited for. */
  readonly connection: Connection;
  /** Identity of the Redis process: what SCAN cursors belong to. */
  runId: string | undefined;
  /** Whether reads and writes have been possible at any time since the start. */
  everReady = false;
  private readonly lanes: Lanes;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly config: ApiConfig,
    clock: TimeoutClock,
    private readonly lagTracker: LagTracker,
  ) {
    const options = {
      address: config.main,
      name: "main",
      login: config.login,
      tls: config.tls,
      connectTimeoutMs: config.connectTimeoutMs,
      timeoutMs: config.commandTimeoutMs,
      clock,
    };
    this.connection = new Connection({
      ...options,
      onChange: () => {
        this.onMainChange();
        if (this.usable) void this.check();
        else this.runId = undefined;
      },
    });
    this.lanes = new Lanes(WriteLane.all(config, this.connection, options, () => this.onMainChange()));
  }

  /** Starts connecting, and goes on trying in the background. */
  open(): void {
    for (const connection of this.connections) connection.open();
    this.timer = setInterval(() => void this.check(), this.config.checkMs);
  }

  /** Lets commands that were sent end, then closes for good. */
  async close(): Promise<void> {
    clearInterval(this.timer);
    await Promise.all([...this.connections].map((connection) => connection.close()));
  }

  get usable(): boolean {
    return this.connection.usable;
  }

  read<T>(command: (client: Redis) => Promise<T>): Promise<T> {
    const { connection } = this;
    const { commandTimeoutMs } = this.config;
    return this.attempt(() => connection.send(command), {
      connection,
      repeatable: true,
      patienceMs: commandTimeoutMs,
      end: performance.now() + commandTimeoutMs,
    });
  }

  /**
   * While main refuses every write none is sent, so that none is under way, and in doubt, when its connection goes:
   * that is what a planned change of main looks like, and no caller's write fails for it.
   */
  async write<T>(command: (client: Redis) => Promise<T>): Promise<T> {
    const patienceMs = this.config.writePatienceMs;
    const end = performance.now() + patienceMs;
    for (;;) {
      const lane = this.lanes.next();
      const { connection } = lane;
      await lane.gate?.untilOpen(end);
      try {
        return await this.attempt(() => lane.send(command), { connection, repeatable: false, patienceMs, end });
      } catch (error) {
        if (!(error instanceof Refused && WRITE_REFUSALS.has(error.code))) throw error;
        lane.closeGate(error, patienceMs);
      }
    }
  }

  /**
   * Main may be away for a moment, or lack copies: what was certainly not carried out is tried again until the
   * time-out. One that has been so for longer is not waited for.
   */
  private async attempt<T>(send: () => Promise<T>, { connection, repeatable, patienceMs, end }: Attempts): Promise<T> {
    let refused: Refused | undefined;
    for (;;) {
      try {
        return await send();
      } catch (error) {
        const retryable =
          error instanceof NotSent ||
          (error instanceof Refused && error.transient) ||
          // a read does no harm twice; one that waited for its whole time-out has no time left
          (repeatable && error instanceof NoAnswer);
        if (error instanceof Refused) {
          refused = error;
          if (!repeatable && WRITE_REFUSALS.has(error.code)) throw error;
        }
        const left = end - performance.now();
        if (!retryable || left < RETRY_MS || connection.hanging || connection.downMs > patienceMs) {
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
    for (const lane of this.lanes.all) lane.onConnectionChange();
    this.everReady ||= this.usable && this.lanes.all.some(({ connection }) => connection.usable);
  }

  private async check(): Promise<void> {
    const { connection } = this;
    try {
      const at = performance.now();
      this.runId ??= await readRunId(connection);
      const info = await connection.probe((client) => client.info("replication"));
      this.lagTracker.record(at, parseReplication(info));
      if (hasCopy(info)) for (const lane of this.lanes.all) lane.seen(at, connection.remote);
    } catch {
      // its connection tells
    }
  }
}
