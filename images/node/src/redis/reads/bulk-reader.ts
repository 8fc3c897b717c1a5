/**
 * Sends commands with large replies over separate connections: to a replica, or to main if the caller requests main or
 * no replica can answer.
 */
import type { Redis } from "ioredis";
import type { ApiConfig } from "../../config";
import type { Connection } from "../connection/connection";
import { isFinal, NotSent } from "../connection/errors";
import type { TimeoutClock } from "../connection/timeout-clock";
import { Abandoned, BulkConnections, type Instance, NoTurn, type Turn } from "./bulk-connection";
import type { Replica } from "./replica";
import { REPLICA_TRIES, type ReplicaPool } from "./replica-pool";

/** The parts of main's interface that these commands need. */
export interface Main {
  readonly runId: string | undefined;
  readonly connection: Pick<Connection, "target" | "usable">;
  /** Resolves if main has recently confirmed that it is main. */
  whenRecent(): Promise<void>;
  /** Whether this process is still main; if so, everything it has answered is confirmed. */
  proves(runId: string): Promise<boolean>;
}

/** A command, and which instances may answer it. */
export interface BulkCommand<T> extends Turn {
  readonly send: (client: Redis) => Promise<T>;
  /** Whether only main may answer. */
  readonly strong: boolean;
}

export interface BulkAnswer<T> {
  /** Identity of the process that answered. */
  readonly runId: string;
  readonly value: T;
}

export class BulkReader {
  private readonly connections = new BulkConnections();

  /** @param purpose of the connections, in logs */
  constructor(
    private readonly purpose: string,
    private readonly config: ApiConfig,
    private readonly clock: TimeoutClock,
    private readonly main: Main,
    private readonly pool: ReplicaPool,
  ) {}

  close(): Promise<void> {
    return this.connections.close();
  }

  /**
   * Sends the command to any instance, but to main only if no replica answers at all: busy replicas must not make main
   * busy as well.
   */
  async onAny<T>(command: BulkCommand<T>): Promise<BulkAnswer<T>> {
    let asked: Replica | undefined;
    let busy: unknown;
    for (let tries = 0; !command.strong && tries < REPLICA_TRIES; tries++) {
      const replica = this.pool.choose(asked);
      if (!replica?.runId) break;
      asked = replica;
      try {
        return await this.onReplica(replica, replica.runId, command);
      } catch (error) {
        if (!otherMayAnswer(error)) throw error;
        if (await replica.connection.send((client) => client.ping()).catch(() => undefined)) busy = error;
      }
    }
    if (busy) throw busy;
    const { runId } = this.main;
    const found = runId && (await this.onMain(runId, command));
    if (!found) throw new NotSent("Redis is not reachable");
    return found;
  }

  /**
   * Undefined if another process has become main. After a strong command, the process must prove that it is still main.
   * If so, it was main when it answered, and everything that its answer shows is confirmed.
   */
  async onMain<T>(runId: string, command: BulkCommand<T>): Promise<BulkAnswer<T> | undefined> {
    const { connection } = this.main;
    const address = connection.target;
    if (!address) throw new NotSent("Redis is not reachable");
    const { login, commandTimeoutMs: timeoutMs } = this.config;
    const options = { ...this.options, name: `main (${this.purpose})`, login, timeoutMs };
    if (!command.strong) await this.main.whenRecent();
    const found = await this.send({ runId, address }, options, command);
    if (!command.strong) return found;
    return (await this.main.proves(runId)) ? found : undefined;
  }

  onReplica<T>(replica: Replica, runId: string, command: BulkCommand<T>): Promise<BulkAnswer<T>> {
    const address = replica.connection.target;
    if (!address) return Promise.reject(new NotSent("Redis is not reachable"));
    const { readLogin: login, readTimeoutMs: timeoutMs } = this.config;
    const options = { ...this.options, name: `${replica.name} (${this.purpose})`, login, timeoutMs };
    return this.send({ runId, address }, options, command);
  }

  private get options() {
    const { tls, connectTimeoutMs } = this.config;
    return { tls, connectTimeoutMs, clock: this.clock };
  }

  private async send<T>(
    instance: Instance,
    options: Parameters<BulkConnections["send"]>[1],
    command: BulkCommand<T>,
  ): Promise<BulkAnswer<T>> {
    const value = await this.connections.send(instance, options, command.send, command);
    return { runId: instance.runId, value };
  }
}

/** Whether another instance, or the same one a moment later, may answer the same command. */
export const otherMayAnswer = (error: unknown): boolean =>
  !(error instanceof NoTurn || error instanceof Abandoned) && !isFinal(error);
