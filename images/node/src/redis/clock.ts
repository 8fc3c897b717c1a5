/**
 * Time in ticks: one timer for all time-outs, so that a command costs no timer of its own.
 *
 * It counts the time in which this process could listen: where the event loop stood still, answers
 * may have come that were not read yet, and nobody is to be blamed for that.
 */
export class Clock {
  /** Milliseconds since the clock was made, as of the last tick. */
  now = 0;
  private last = performance.now();
  private readonly listeners = new Set<() => void>();
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly tickMs = 20) {}

  start(): void {
    this.timer ??= setInterval(() => {
      const now = performance.now();
      this.now += Math.min(now - this.last, 2 * this.tickMs);
      this.last = now;
      for (const listener of this.listeners) listener();
    }, this.tickMs);
  }

  stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }

  /** Calls `listener` at each tick, until the returned function is called. */
  each(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}
