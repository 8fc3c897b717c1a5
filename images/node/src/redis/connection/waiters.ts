/**
 * Commands that are waiting for a connection. While there are any, connection attempts are more frequent: a recovered
 * instance is noticed soon, and one that stays down is not flooded with attempts.
 */

/** Time between attempts, in ms. */
const ATTEMPT_MS = 100;

export class Waiters {
  private readonly waiting = new Set<() => void>();
  private attempts: NodeJS.Timeout | undefined;
  private attemptedAt = -Infinity;

  /** @param attempt tries to connect now, unless an attempt is under way */
  constructor(private readonly attempt: () => void) {}

  /** Resolves with the next {@link release}, or after `ms`. */
  async wait(ms: number): Promise<void> {
    if (!this.attempts) {
      this.attempts = setInterval(() => this.attemptNow(), ATTEMPT_MS);
      // waits may be shorter than the time between attempts
      if (performance.now() - this.attemptedAt >= ATTEMPT_MS) this.attemptNow();
    }
    await new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.waiting.delete(done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.waiting.add(done);
    });
    if (this.waiting.size > 0) return;
    clearInterval(this.attempts);
    this.attempts = undefined;
  }

  private attemptNow(): void {
    this.attemptedAt = performance.now();
    this.attempt();
  }

  release(): void {
    for (const done of this.waiting) done();
  }
}
