/** Recommendations of the last seconds, of which the highest counts for scale-in. */
export class Window {
  /** Only those that can still become the highest: each is followed by lower ones. */
  private readonly counts: { readonly at: number; readonly count: number }[] = [];

  constructor(private readonly ms: number) {}

  add(at: number, count: number): void {
    while (this.counts.length > 0 && this.counts.at(-1)!.count <= count) this.counts.pop();
    this.counts.push({ at, count });
    while (this.counts[0]!.at <= at - this.ms) this.counts.shift();
  }

  /** The highest one; 0 if there is none. */
  highest(now: number): number {
    return this.counts.find(({ at }) => at > now - this.ms)?.count ?? 0;
  }
}
