/**
 * Writes that count only when so many copies have them: after a group of writes one WAIT or WAITAOF
 * for all of them, and the next group once it is answered. Redis would let a WAIT block everything
 * behind it on the same connection, so it has one of its own, and nothing waits longer than two groups.
 *
 * Source: redis.io/commands/wait, redis.io/commands/waitaof
 */
import type { Redis } from "ioredis";
import type { Connection } from "../connection/connection";
import { NotReplicated, NotSent } from "../connection/errors";
import type { MainLease } from "./main-lease";

/**
 * A copy tells what is on its disk when it is asked and once a second; one that was asked while it still wrote told
 * less than it had a moment later. So it is asked again after this time, ms, then after twice as long, and so on.
 */
const FIRST_WAIT_MS = 20;

export interface CommitOptions {
  /** Copies beside main that must have a write. */
  readonly copies: number;
  /** Copies beside main that there are, of which any may be promoted; fewer than these say less: {@link MainLease}. */
  readonly allCopies: number;
  /** Where they must have it: on their disk, and main on its own; or in memory. */
  readonly to: "disk" | "memory";
  /** Longest wait for them, ms. */
  readonly timeoutMs: number;
  /** Longest answer of one question, ms: main would be taken for silent else. */
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
  /** Writes of the group that was sent last, and whether its copies have it. */
  private group: Promise<unknown>[] = [];
  private confirmed: Promise<void> = Promise.resolve();

  constructor(
    private readonly connection: Connection,
    private readonly options: CommitOptions,
    private readonly lease: MainLease,
  ) {}

  /** Rejects with {@link NotSent}, {@link NoAnswer} or {@link Refused} as a connection does, or with {@link NotReplicated}. */
  send<T>(command: (client: Redis) => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const send = () => {
        const done = this.connection.send(command);
        this.group.push(done);
        done.then((value) => this.confirmed.then(() => resolve(value), reject), reject);
      };
      this.waiting.push({ since: performance.now(), send, reject });
      // what one turn of the event loop brings is one group
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
        // its caller is about to give up, and it can still be said for certain that nothing was done
        if (write.since < late) write.reject(new NotSent("Redis main waits for its copies"));
        else write.send();
      }
      // asked in the same breath, a copy would tell what it had on its disk before these writes
      const done = await Promise.allSettled(this.group);
      if (done.some(({ status }) => status === "fulfilled")) {
        await this.wait().then(confirm, abandon);
      }
    }
    this.running = false;
  }

  /** Whatever goes wrong here, the writes before it may have been carried out. */
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
            ? "main was silent, and another may be main by now"
            : `only ${others} of ${copies} copies had it within ${timeoutMs} ms`,
        );
      }
    }
  }
}
