/**
 * Shares an expensive computation among all callers that need its result, and leaves most of the time for other work.
 */

/** After each run, the next one waits for this many times the run's duration. */
const PAUSE_FACTOR = 3;

export class Turns<T> {
  private waiting: Promise<T> | undefined;
  private freeAt = 0;

  constructor(private readonly run: () => Promise<T>) {}

  /** The result of the next run, which begins after this call, so that the result is never outdated. */
  next(): Promise<T> {
    return (this.waiting ??= this.start());
  }

  private async start(): Promise<T> {
    const wait = this.freeAt - performance.now();
    await new Promise<void>((resolve) => void (wait > 0 ? setTimeout(resolve, wait) : setImmediate(resolve)));
    const begin = performance.now();
    this.waiting = undefined;
    try {
      return await this.run();
    } finally {
      const now = performance.now();
      this.freeAt = now + PAUSE_FACTOR * (now - begin);
    }
  }
}
