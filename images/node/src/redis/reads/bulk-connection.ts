/**
 * Connections that only lists or large values use, one per instance: their replies are up to a megabyte long, and on
 * the shared connection, reads and writes would have to wait for them. Each connection carries one command at a time,
 * so only one such reply per instance occupies memory and the event loop, and other requests are served between two
 * commands.
 */
import type { Redis } from "ioredis";
import type { HostPort } from "../../config";
import { Connection, type ConnectionOptions } from "../connection/connection";
import { NotSent, RedisError } from "../connection/errors";
import { readRunId } from "../connection/run-id";

/** A connection that has not been used for this long is closed. */
const IDLE_MS = 30_000;
/** A command that has waited this long for its turn is refused. */
const TURN_MS = 1000;

/** A matching step that took longer than this, in ms, is followed by a pause of the same length… */
const RESTLESS_MS = 2;
/** …but not longer than this, in ms, because a busy process overestimates the length of a step. */
const MAX_REST_MS = 20;

/** Too many other commands are waiting for the same instance. */
export class NoTurn extends RedisError {}

/** The caller disconnected before its turn: nothing was sent. */
export class Abandoned extends RedisError {}

/** Conditions under which a command is sent. */
export interface Turn {
  /** Whether the caller has disconnected. */
  readonly left: () => boolean;
  /** Whether Redis compares keys. If so, a pause follows, in which Redis answers other requests. */
  readonly matches: boolean;
}

/** An instance, as its shared connection reaches it. */
export interface Instance {
  /** Identity of the instance's process. */
  readonly runId: string;
  readonly address: HostPort;
}

class BulkConnection {
  private readonly connection: Connection;
  private last: Promise<unknown> = Promise.resolve();
  private waiting = 0;
  private verified = false;
  private idle: NodeJS.Timeout | undefined;

  constructor(
    private readonly runId: string,
    private readonly options: ConnectionOptions,
    private readonly onIdle: () => void,
  ) {
    this.connection = new Connection({
      ...options,
      onChange: () => {
        if (!this.connection.usable) this.verified = false;
      },
    });
    this.connection.open();
  }

  /** Sends one command once all earlier ones have been answered. */
  async send<T>(command: (client: Redis) => Promise<T>, { left, matches }: Turn): Promise<T> {
    clearTimeout(this.idle);
    this.waiting++;
    const begin = performance.now();
    let sent: number | undefined;
    const turn = this.last.then(async () => {
      if (left()) throw new Abandoned("the client disconnected");
      if (performance.now() - begin > TURN_MS) throw new NoTurn("too many lists or large values at once");
      await this.prepare();
      sent = performance.now();
      return this.connection.send(command);
    });
    this.last = turn
      .catch(() => undefined)
      .then(() => {
        const ms = matches && sent !== undefined ? performance.now() - sent : 0;
        if (ms > RESTLESS_MS) return new Promise((resolve) => setTimeout(resolve, Math.min(ms, MAX_REST_MS)));
        return undefined;
      });
    try {
      return await turn;
    } finally {
      if (--this.waiting === 0) this.idle = setTimeout(this.onIdle, IDLE_MS).unref();
    }
  }

  close(): Promise<void> {
    clearTimeout(this.idle);
    return this.connection.close();
  }

  private async prepare(): Promise<void> {
    const { connection } = this;
    await connection.whenUsable(this.options.connectTimeoutMs);
    // another process may have taken over the address
    if (!this.verified && (await readRunId(connection)) !== this.runId) {
      throw new NotSent("the Redis instance that served this list or value is no longer available");
    }
    this.verified = true;
  }
}

export class BulkConnections {
  private readonly open = new Map<string, BulkConnection>();

  /**
   * Sends one command once the instance has answered all earlier ones.
   *
   * @param options options of the instance's shared connection
   */
  send<T>(
    { runId, address }: Instance,
    options: Omit<ConnectionOptions, "address" | "late" | "onChange">,
    command: (client: Redis) => Promise<T>,
    turn: Turn,
  ): Promise<T> {
    let found = this.open.get(runId);
    if (!found) {
      found = new BulkConnection(
        runId,
        { ...options, address: () => address, late: "keep" },
        () => void this.drop(runId),
      );
      this.open.set(runId, found);
    }
    return found.send(command, turn);
  }

  async close(): Promise<void> {
    await Promise.all([...this.open.keys()].map((runId) => this.drop(runId)));
  }

  private async drop(runId: string): Promise<void> {
    const found = this.open.get(runId);
    this.open.delete(runId);
    await found?.close();
  }
}
