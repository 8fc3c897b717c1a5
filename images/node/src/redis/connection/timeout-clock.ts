/**
 * One timer for all timeouts, so that commands need no separate timers, and no timer runs while nothing is waiting.
 *
 * The clock counts only time in which this process could read replies: after the event loop was blocked, replies may
 * have arrived that are still unread, and these must not count as timeouts.
 */
export class TimeoutClock {
  /** Milliseconds at the last tick. The clock stops while no listener is waiting. */
  now = 0;
  private last = 0;
  private readonly listeners = new Set<() => boolean>();
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly tickMs = 20) {}

  /** Ticks until no listener is waiting any more. */
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
   * @param listener returns whether it is still waiting for something
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
