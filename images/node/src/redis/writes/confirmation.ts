/**
 * Waits until copies have everything that a connection has written.
 *
 * Source: redis.io/commands/wait, redis.io/commands/waitaof
 */
import type { Connection } from "../connection/connection";
import { NoAnswer } from "../connection/errors";

/**
 * Timeout of the first WAIT, in ms; it doubles with each repetition. A copy reports what is on its disk only on request
 * and once a second. If it was still writing when the request arrived, only another request shows that it has finished.
 */
const FIRST_WAIT_MS = 20;

export interface ConfirmationOptions {
  /** Copies that must have a write, not counting main. */
  readonly copies: number;
  /** Where the copies must have it: on disk (main too), or in memory. */
  readonly to: "disk" | "memory";
  /** Timeout for the copies, in ms. */
  readonly timeoutMs: number;
  /** Longest timeout of one WAIT, in ms: with a longer one, main would appear to hang. */
  readonly waitMs: number;
}

export class Confirmation {
  constructor(
    private readonly connection: Connection,
    private readonly options: ConfirmationOptions,
  ) {}

  /**
   * Redis waits for the last command of the connection that was replicated, so the caller must have sent one that is
   * always replicated. After a reconnection there is no such command, and Redis would confirm at once.
   *
   * @param session session of the connection on which that command was sent
   * @param onWait called each time a WAIT ends without confirmation, which is at least once every
   *   {@link ConfirmationOptions.waitMs}
   * @throws NoAnswer if the copies do not confirm in time
   */
  async confirm(session: number, onWait: () => void): Promise<void> {
    const { copies, to, timeoutMs, waitMs } = this.options;
    const end = performance.now() + timeoutMs;
    for (let ms = FIRST_WAIT_MS; ; ms *= 2) {
      const patience = Math.max(1, Math.min(ms, waitMs, Math.round(end - performance.now())));
      const args: [string, ...number[]] = to === "disk" ? ["WAITAOF", 1, copies, patience] : ["WAIT", copies, patience];
      const answer = await this.connection
        .send((client) => client.call(...args), session)
        .catch((error: Error) => Promise.reject(new NoAnswer(error.message)));
      const [own, others] = to === "disk" ? (answer as [number, number]) : [1, answer as number];
      if (own >= 1 && others >= copies) return;
      if (performance.now() >= end) {
        throw new NoAnswer(`only ${others} of ${copies} copies confirmed it within ${timeoutMs} ms`);
      }
      onWait();
    }
  }
}
