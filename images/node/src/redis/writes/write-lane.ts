/**
 * One connection to main for writes. If writes wait for copies there are several lanes, so that one can send while
 * another waits. Each lane has its own knowledge of main, because during a failover one lane may have found the new
 * main while another is still connected to the old one.
 */
import type { Redis } from "ioredis";
import type { ApiConfig, HostPort } from "../../config";
import { GroupCommit } from "./group-commit";
import { Connection, type ConnectionOptions } from "../connection/connection";
import type { Refused } from "../connection/errors";
import { sameAddress, type MainSource } from "../connection/main-source";
import { WriteGate } from "./write-gate";
import { MainLease } from "./main-lease";

/** Groups of writes in flight at once: one gives 0.33 of the speed of `fast`, 4 give a half, 8 somewhat more. */
const LANES = 8;
/** Copies must confirm a write within this share of its timeout. */
const COMMIT_SHARE = 0.8;
/** Longest WAIT, as a share of the timeout for main's answers. */
const WAIT_SHARE = 0.5;

export interface LaneOptions extends Omit<ConnectionOptions, "name" | "onChange"> {
  /** The connection for reads; writes share it if they do not wait for copies. */
  readonly main: Connection;
  readonly source: MainSource;
}

export class WriteLane {
  /** Set while main rejects writes. */
  gate: WriteGate | undefined;

  /** @param groupCommit undefined if writes do not wait for copies */
  private constructor(
    readonly connection: Connection,
    private readonly source: MainSource,
    private readonly lease = new MainLease(),
    private readonly groupCommit?: GroupCommit,
  ) {}

  static all(config: ApiConfig, { main, source, ...options }: LaneOptions, onChange: () => void): WriteLane[] {
    if (config.commitCopies === 0) return [new WriteLane(main, source)];
    return Array.from({ length: LANES }, (_, i) => {
      const connection = new Connection({ ...options, name: `main (writes ${i + 1})`, onChange });
      const lease = new MainLease();
      const groupCommit = new GroupCommit(
        connection,
        {
          copies: config.commitCopies,
          allCopies: config.poolCopies,
          to: config.commitTo,
          // an executed write cannot be sent again, so wait for slow and newly joined copies
          timeoutMs: Math.ceil(Math.max(config.commandTimeoutMs, config.writePatienceMs) * COMMIT_SHARE),
          // shorter than the timeout after which the connection counts as hanging
          waitMs: Math.ceil(config.commandTimeoutMs * WAIT_SHARE),
        },
        lease,
      );
      return new WriteLane(connection, source, lease, groupCommit);
    });
  }

  send<T>(command: (client: Redis) => Promise<T>): Promise<T> {
    return (this.groupCommit ?? this.connection).send(command);
  }

  /** The connection may reach another main now. */
  onConnectionChange(): void {
    const { usable, target } = this.connection;
    if (usable && target) this.lease.announced(`${target.host}:${target.port}`);
  }

  /** `main` answered a command sent at `at`, and a copy is connected to it. */
  seen(at: number, main: HostPort | undefined): void {
    if (sameAddress(main, this.connection.target)) this.lease.seen(at);
  }

  /** Main rejects writes: holds them back until it accepts one again. */
  closeGate(reason: Refused, patienceMs: number): void {
    this.gate ??= new WriteGate(reason, this.connection, this.source, patienceMs, () => (this.gate = undefined));
  }
}

/** Round robin over the lanes whose main accepts writes, or over all if there are none. */
export class Lanes {
  private turn = 0;

  constructor(readonly all: readonly WriteLane[]) {}

  next(): WriteLane {
    const { all } = this;
    const from = this.turn++ % all.length;
    const inTurn = (i: number) => all[(from + i) % all.length]!;
    for (let i = 0; i < all.length; i++) {
      const lane = inTurn(i);
      if (lane.connection.usable && !lane.gate) return lane;
    }
    return inTurn(0);
  }
}
