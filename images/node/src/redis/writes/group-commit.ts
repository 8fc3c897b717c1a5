/**
 * Answers commands only when main has proved that it was main, and enough copies have everything that it had executed
 * by then. So no acknowledged write is lost with main, and a read returns nothing that may still be lost.
 *
 * A group of commands ends with a fence and shares one confirmation; the next group is sent once that has arrived, so a
 * command waits for at most two groups, and no longer than its caller does. WAIT blocks everything behind it on its
 * connection, so groups have separate ones.
 */
import type { Redis } from "ioredis";
import type { Connection } from "../connection/connection";
import { NoAnswer, NotReplicated, NotSent, Refused } from "../connection/errors";
import type { CommitRecord } from "./commit-record";
import type { Confirmation } from "./confirmation";

interface Waiting {
  readonly since: number;
  /** When the caller gives up, in ms of performance.now(). */
  readonly end: number;
  readonly write: boolean;
  /** Sends the command; the result says whether there is something to confirm. */
  readonly send: (confirmed: Promise<void>) => Promise<boolean>;
  readonly reject: (error: Error) => void;
}

export class GroupCommit {
  private waiting: Waiting[] = [];
  /** Commands that were sent and are not confirmed yet. */
  private sent: readonly Waiting[] = [];
  private running = false;
  /** The last group that was confirmed. */
  private proved: { readonly session: number; readonly at: number } | undefined;

  constructor(
    private readonly connection: Connection,
    private readonly record: CommitRecord,
    private readonly confirmation: Confirmation,
    private readonly options: {
      /** A command that has waited for longer than this, in ms, is not sent. */
      readonly timeoutMs: number;
    },
  ) {}

  /**
   * Rejects like {@link Connection.send}. Also rejects with {@link NotReplicated} if a write was executed but not
   * confirmed, and with {@link NoAnswer} if a read was not confirmed.
   *
   * @param write whether the command may change data
   * @param end when the caller gives up, in ms of performance.now()
   */
  send<T>(command: (client: Redis) => Promise<T>, write: boolean, end = Infinity): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const send = async (confirmed: Promise<void>): Promise<boolean> => {
        const settle = (give: () => void) =>
          void confirmed.then(give, (error: Error) => reject(unconfirmed(error, write)));
        try {
          const value = await this.connection.send(command);
          settle(() => resolve(value));
          return true;
        } catch (error) {
          // an error about the data is a reply like any other
          const answer = error instanceof Refused && error.code === "WRONGTYPE";
          if (answer) settle(() => reject(error));
          else reject(error as Error);
          return answer;
        }
      };
      this.waiting.push({ since: performance.now(), end, write, send, reject });
      // the commands of one event-loop turn form a group
      if (!this.running && this.waiting.length === 1) setImmediate(() => void this.commit());
    });
  }

  /** When the main at the other end last proved its role, in ms of performance.now(). */
  get provedAt(): number {
    return this.proved?.session === this.connection.session ? this.proved.at : -Infinity;
  }

  private async commit(): Promise<void> {
    if (this.running) return;
    this.running = true;
    while (this.waiting.length > 0) {
      try {
        if (!this.record.ready) await this.record.establish(this.expire);
      } catch (error) {
        // none was sent
        for (const { reject } of this.take()) reject(error as Error);
        continue;
      }
      // the last reply may have come from a main that has been replaced since
      if (this.record.ready) await this.commitGroup(this.take());
      this.sent = [];
    }
    this.running = false;
  }

  private async commitGroup(group: readonly Waiting[]): Promise<void> {
    const { session } = this.connection;
    let confirm!: () => void;
    let abandon!: (error: Error) => void;
    const confirmed = new Promise<void>((resolve, reject) => ([confirm, abandon] = [resolve, reject]));
    confirmed.catch(() => undefined);
    const begin = performance.now();
    const late = begin - this.options.timeoutMs;
    const sent: Promise<boolean>[] = [];
    this.sent = group;
    for (const command of group) {
      // it is too late to succeed in time, so fail now, while the command has certainly not been executed
      if (command.since < late || command.end <= begin) command.reject(notSent());
      else sent.push(command.send(confirmed));
    }
    if (sent.length === 0) return;
    const fenced = this.record.fence();
    fenced.catch(() => undefined);
    const answers = await Promise.all(sent);
    try {
      // WAIT only after these replies: if WAIT were sent with the commands, a copy would report the state of its disk
      // before these writes
      await fenced;
      // a group that was rejected, for example by a full main, has nothing to wait for
      if (answers.includes(true)) {
        await this.confirmation.confirm(session, this.expire);
        this.proved = { session, at: begin };
      }
      confirm();
    } catch (error) {
      abandon(error as Error);
    }
  }

  /** Fails the commands whose callers give up now. The group itself continues, because others wait for it. */
  private readonly expire = (): void => {
    const now = performance.now();
    const late = ({ end }: Waiting): boolean => end <= now;
    for (const { write, reject } of this.sent.filter(late)) {
      reject(unconfirmed(new NoAnswer("its copies did not confirm it in time"), write));
    }
    if (!this.waiting.some(late)) return;
    for (const { reject } of this.waiting.filter(late)) reject(notSent());
    this.waiting = this.waiting.filter((command) => !late(command));
  };

  private take(): readonly Waiting[] {
    const { waiting } = this;
    this.waiting = [];
    return waiting;
  }
}

const notSent = (): NotSent => new NotSent("Redis main is still waiting for its copies");

/** The error for a command that was executed but not confirmed. */
function unconfirmed(error: Error, write: boolean): Error {
  if (write) return new NotReplicated(error.message);
  // a read may be sent again, so Refused and NoAnswer stay as they are
  return error instanceof Refused || error instanceof NoAnswer ? error : new NoAnswer(error.message);
}
