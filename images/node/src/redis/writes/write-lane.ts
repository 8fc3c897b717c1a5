/**
 * One connection to main for writes. If writes wait for copies, there are several lanes, so that one can send while
 * another waits. Each lane has its own view of main, because during a failover one lane may have found the new main
 * while another is still connected to the old one.
 */
import type { Redis } from "ioredis";
import type { ApiConfig } from "../../config";
import { Connection, type ConnectionOptions } from "../connection/connection";
import type { Refused } from "../connection/errors";
import type { MainSource } from "../connection/main-source";
import { readRunId } from "../connection/run-id";
import { CommitRecord } from "./commit-record";
import { Confirmation } from "./confirmation";
import { GroupCommit } from "./group-commit";
import { WriteGate } from "./write-gate";

/**
 * Number of groups in flight at once. Throughput relative to `fast`: 0.33 with one group, 0.5 with 4, slightly more
 * with 8.
 */
const LANES = 8;
/** Copies must confirm a write within this fraction of its timeout. */
const COMMIT_SHARE = 0.8;
/** Longest WAIT, as a fraction of the timeout for main's replies. */
const WAIT_SHARE = 0.5;

export interface LaneOptions extends Omit<ConnectionOptions, "name" | "onChange"> {
  /** The connection for reads; writes share it if they do not wait for copies. */
  readonly main: Connection;
  readonly source: MainSource;
}

export class WriteLane {
  /** Set while main rejects writes. */
  gate: WriteGate | undefined;
  /** Identity of the Redis process; undefined while it is unknown. */
  runId: string | undefined;

  /** @param groupCommit undefined if writes do not wait for copies */
  private constructor(
    readonly connection: Connection,
    private readonly source: MainSource,
    private readonly groupCommit?: GroupCommit,
  ) {}

  static all(config: ApiConfig, { main, source, ...options }: LaneOptions, onChange: () => void): WriteLane[] {
    if (config.commitCopies === 0) return [new WriteLane(main, source)];
    // an executed write cannot be sent again, so wait for slow and newly joined copies
    const timeoutMs = Math.ceil(Math.max(config.commandTimeoutMs, config.writePatienceMs) * COMMIT_SHARE);
    return Array.from({ length: LANES }, (_, i) => {
      const connection: Connection = new Connection({
        ...options,
        name: `main (writes ${i + 1})`,
        onChange: () => {
          lane.identify();
          onChange();
        },
      });
      const confirmation = new Confirmation(connection, {
        copies: config.commitCopies,
        to: config.commitTo,
        timeoutMs,
        // shorter than the timeout after which the connection counts as hanging
        waitMs: Math.ceil(config.commandTimeoutMs * WAIT_SHARE),
      });
      const record = new CommitRecord(connection, source, confirmation);
      const lane = new WriteLane(connection, source, new GroupCommit(connection, record, confirmation, { timeoutMs }));
      return lane;
    });
  }

  /**
   * @param write whether the command may change data
   * @param end when the caller gives up, in ms of performance.now()
   */
  send<T>(command: (client: Redis) => Promise<T>, write: boolean, end: number): Promise<T> {
    return this.groupCommit ? this.groupCommit.send(command, write, end) : this.connection.send(command);
  }

  /** When the main at the other end last proved its role, in ms of performance.now(). */
  get provedAt(): number {
    return this.groupCommit?.provedAt ?? -Infinity;
  }

  /** Called when main rejects writes: holds them back until main accepts one again. */
  closeGate(reason: Refused, patienceMs: number): void {
    this.gate ??= new WriteGate(reason, this.connection, this.source, patienceMs, () => (this.gate = undefined));
  }

  private identify(): void {
    this.runId = undefined;
    const { connection } = this;
    if (!connection.usable) return;
    const { session } = connection;
    readRunId(connection).then(
      (runId) => {
        if (session === connection.session) this.runId = runId;
      },
      // the connection reports its own failures
      () => undefined,
    );
  }
}

/** Uses the lanes whose main accepts writes in turn, or all lanes if there are none. */
export class Lanes {
  private turn = 0;

  constructor(readonly all: readonly WriteLane[]) {}

  next(): WriteLane {
    return this.find((lane) => lane.connection.usable && !lane.gate) ?? this.all[this.turn % this.all.length]!;
  }

  /** The next lane for which `fits` is true. */
  find(fits: (lane: WriteLane) => boolean): WriteLane | undefined {
    const { all } = this;
    const from = this.turn++ % all.length;
    for (let i = 0; i < all.length; i++) {
      const lane = all[(from + i) % all.length]!;
      if (fits(lane)) return lane;
    }
    return undefined;
  }
}
