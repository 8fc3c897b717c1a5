/** The recommendations of the last `ms` milliseconds; the highest one is used for scale-in. */
export class Window {
  /** Only the counts that can still become the highest, so each is higher than the next. */
  private readonly counts: { readonly at: number; readonly count: number }[] = [];

  constructor(private readonly ms: number) {}

  add(at: number, count: number): void {
    while (this.counts.length > 0 && this.counts.at(-1)!.count <= count) this.counts.pop();
    this.counts.push({ at, count });
    while (this.counts[0]!.at <= at - this.ms) this.counts.shift();
  }

  /** The highest count in the window; 0 if the window is empty. */
  highest(now: number): number {
    return this.counts.find(({ at }) => at > now - this.ms)?.count ?? 0;
  }
}
