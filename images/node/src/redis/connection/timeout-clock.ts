/**
 * Time in ticks: one timer for all time-outs, so that a command costs no timer of its own, and none
 * at all while nothing is waited for.
 *
 * It counts the time in which this process could listen: where the event loop stood still, answers
 * may have come that were not read yet, and nobody is to be blamed for that.
 */
export class TimeoutClock {
  /** Milliseconds, as of the last tick. It stands still while nobody waits. */
  now = 0;
  private last = 0;
  private readonly listeners = new Set<() => boolean>();
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly tickMs = 20) {}

  /** Ticks from now on, until no listener waits any more. */
  start(): void {
    if (this.timer) return;
    this.last = performance.now();
    this.timer = setInterval(() => this.tick(), this.tickMs);
  }

  stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }

  /**
   * Calls `listener` at each tick, until the returned function is called.
   *
   * @param listener says whether it still waits for something
   */
  each(listener: () => boolean): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  private tick(): void {
    const now = performance.now();
    this.now += Math.min(now - this.last, 2 * this.tickMs);
    this.last = now;
    let waiting = false;
    for (const listener of this.listeners) if (listener()) waiting = true;
    if (!waiting) this.stop();
  }
}
