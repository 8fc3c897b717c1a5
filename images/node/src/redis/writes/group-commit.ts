/**
 * Writes that are acknowledged only when enough copies have them. A group of writes shares one WAIT or WAITAOF; the
 * next group is sent once that is answered, so a write waits for two groups at most. WAIT blocks everything behind it
 * on its connection, so these writes have a separate one.
 *
 * Source: redis.io/commands/wait, redis.io/commands/waitaof
 */
import type { Redis } from "ioredis";
import type { Connection } from "../connection/connection";
import { NotReplicated, NotSent } from "../connection/errors";
import type { MainLease } from "./main-lease";

/**
 * First timeout of a WAIT, ms; it doubles with each repetition. A copy reports what is on its disk only on request and
 * once a second. If it was still writing when the request came, only another request finds out that it is done.
 */
const FIRST_WAIT_MS = 20;

export interface CommitOptions {
  /** Copies that must have a write, not counting main. */
  readonly copies: number;
  /** Copies that may be promoted, not counting main. A confirmation by fewer is no proof: {@link MainLease}. */
  readonly allCopies: number;
  /** Where the copies must have it: on disk (main too), or in memory. */
  readonly to: "disk" | "memory";
  /** Timeout for the copies, ms. */
  readonly timeoutMs: number;
  /** Longest timeout of one WAIT, ms: with a longer one, main would seem to hang. */
  readonly waitMs: number;
}

interface Waiting {
  readonly since: number;
  readonly send: () => void;
  readonly reject: (error: Error) => void;
}

export class GroupCommit {
  private waiting: Waiting[] = [];
  private running = false;
  /** Writes of the last group sent, and its confirmation by the copies. */
  private group: Promise<unknown>[] = [];
  private confirmed: Promise<void> = Promise.resolve();

  constructor(
    private readonly connection: Connection,
    private readonly options: CommitOptions,
    private readonly lease: MainLease,
  ) {}

  /** Rejects like {@link Connection.send}, or with {@link NotReplicated}. */
  send<T>(command: (client: Redis) => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const send = () => {
        const done = this.connection.send(command);
        this.group.push(done);
        done.then((value) => this.confirmed.then(() => resolve(value), reject), reject);
      };
      this.waiting.push({ since: performance.now(), send, reject });
      // writes of one event loop turn form a group
      if (!this.running && this.waiting.length === 1) setImmediate(() => void this.commit());
    });
  }

  private async commit(): Promise<void> {
    if (this.running) return;
    this.running = true;
    while (this.waiting.length > 0) {
      const writes = this.waiting;
      this.waiting = [];
      this.group = [];
      let confirm!: () => void;
      let abandon!: (error: Error) => void;
      this.confirmed = new Promise((resolve, reject) => ([confirm, abandon] = [resolve, reject]));
      this.confirmed.catch(() => undefined);
      const late = performance.now() - this.options.timeoutMs;
      for (const write of writes) {
        // too late to succeed in time: fail now, while it is certain that it was not executed
        if (write.since < late) write.reject(new NotSent("Redis main is still waiting for its copies"));
        else write.send();
      }
      // WAIT only after these answers: sent together, a copy would report its disk's state before these writes
      const done = await Promise.allSettled(this.group);
      if (done.some(({ status }) => status === "fulfilled")) {
        await this.wait().then(confirm, abandon);
      }
    }
    this.running = false;
  }

  /** @throws NotReplicated, because the writes may have been executed */
  private async wait(): Promise<void> {
    const { copies, to, timeoutMs, waitMs } = this.options;
    const all = Math.max(copies, this.options.allCopies);
    const begin = performance.now();
    const end = begin + timeoutMs;
    for (let ms = FIRST_WAIT_MS; ; ms *= 2) {
      const patience = Math.max(1, Math.min(ms, waitMs, Math.round(end - performance.now())));
      const args: [string, ...number[]] = to === "disk" ? ["WAITAOF", 1, all, patience] : ["WAIT", all, patience];
      const answer = await this.connection
        .send((client) => client.call(...args))
        .catch((error: Error) => Promise.reject(new NotReplicated(error.message)));
      const [own, others] = to === "disk" ? (answer as [number, number]) : [1, answer as number];
      if (own >= 1 && others >= all) {
        this.lease.confirmedByAll(begin);
        return;
      }
      const enough = own >= 1 && others >= copies;
      if (enough) this.lease.seen(begin);
      if (enough && this.lease.certain) return;
      if (performance.now() >= end) {
        throw new NotReplicated(
          enough
            ? "main was silent and may have been replaced"
            : `only ${others} of ${copies} copies confirmed it within ${timeoutMs} ms`,
        );
      }
    }
  }
}
