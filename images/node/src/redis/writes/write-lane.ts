/**
 * One way to main for writes. Where copies must have a write before it is answered there are several: what one of them
 * sent is waited for while the next one sends. Each is for itself, also in what it knows of main: at a change of
 * main one may have found the new one while another still talks to the old one.
 */
import type { Redis } from "ioredis";
import type { ApiConfig } from "../../config";
import { GroupCommit } from "./group-commit";
import { Connection, type ConnectionOptions } from "../connection/connection";
import type { Refused } from "../connection/errors";
import { WriteGate } from "./write-gate";
import { MainLease } from "./main-lease";

/** Groups of writes under way at once: with one a write gets 0.33 of the speed of `fast`, with 4 a half, with 8 somewhat more. */
const LANES = 8;
/** Copies must have a write within this share of the longest wait for it. */
const COMMIT_SHARE = 0.8;
/** Each question whether they have it, within this share of main's longest answer. */
const WAIT_SHARE = 0.5;

export class WriteLane {
  /** While main takes no writes. */
  gate: WriteGate | undefined;

  /** @param groupCommit undefined where main's own answer is enough */
  private constructor(
    readonly connection: Connection,
    private readonly lease = new MainLease(),
    private readonly groupCommit?: GroupCommit,
  ) {}

  /** @param main the connection that reads have; writes share it where nothing is waited for */
  static all(config: ApiConfig, main: Connection, options: ConnectionOptions, onChange: () => void): WriteLane[] {
    if (config.commitCopies === 0) return [new WriteLane(main)];
    return Array.from({ length: LANES }, (_, i) => {
      const connection = new Connection({ ...options, name: `main (writes ${i + 1})`, onChange });
      const lease = new MainLease();
      const groupCommit = new GroupCommit(
        connection,
        {
          copies: config.commitCopies,
          allCopies: config.poolCopies,
          to: config.commitTo,
          // what main has done cannot be sent again: a copy that is slow, or only just joins, is waited for
          timeoutMs: Math.ceil(Math.max(config.commandTimeoutMs, config.writePatienceMs) * COMMIT_SHARE),
          // before the connection is taken for hanging
          waitMs: Math.ceil(config.commandTimeoutMs * WAIT_SHARE),
        },
        lease,
      );
      return new WriteLane(connection, lease, groupCommit);
    });
  }

  send<T>(command: (client: Redis) => Promise<T>): Promise<T> {
    return (this.groupCommit ?? this.connection).send(command);
  }

  /** Its connection has changed: it may lead to another main. */
  onConnectionChange(): void {
    const { usable, remote } = this.connection;
    if (usable && remote) this.lease.announced(remote);
  }

  /** Main at `remote` answered, with a copy that follows it, what was sent at `at`. */
  seen(at: number, remote: string | undefined): void {
    if (remote !== undefined && remote === this.connection.remote) this.lease.seen(at);
  }

  /** Main refuses every write until it is asked once that takes one. */
  closeGate(reason: Refused, patienceMs: number): void {
    this.gate ??= new WriteGate(reason, this.connection, patienceMs, () => (this.gate = undefined));
  }
}

/** The next one in turn whose main takes writes; where there is none, the next one. */
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
