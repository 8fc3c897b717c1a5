/**
 * Whether main is certainly still main, though not all of its copies say so.
 *
 * Sentinel promotes a copy first and tells the other one only then. A main that was silent just long enough to be
 * replaced, and comes back in that half second, still has a copy that follows it: what it writes then, and that copy
 * confirms, is lost with it. All copies cannot confirm such a write, for one of them is main by then; so that is
 * proof. With fewer, main must not have been silent for as long as it takes to be replaced.
 */

/** Shorter than the time after which Sentinel takes main for gone, ms. */
export const LEASE_MS = 2000;
/** Longer than a replacement takes from its beginning until all copies know, ms. */
export const PROBATION_MS = 6000;

export class MainLease {
  private lastSeen = -Infinity;
  private since = Infinity;
  private address: string | undefined;

  /** @param now the clock, ms */
  constructor(private readonly now: () => number = () => performance.now()) {}

  /** Main answered, with a copy that follows it, what was sent at `at`. */
  seen(at: number): void {
    if (at - this.lastSeen > LEASE_MS) this.since = at;
    this.lastSeen = Math.max(this.lastSeen, at);
  }

  /** All of its copies confirmed what was sent at `at`: none of them was main. */
  confirmedByAll(at: number): void {
    this.lastSeen = Math.max(this.lastSeen, at);
    this.since = -Infinity;
  }

  /** Sentinel named a main. Another one than before is main because the change is over. */
  announced(address: string): void {
    if (this.address !== undefined && this.address !== address) this.confirmedByAll(this.now());
    this.address = address;
  }

  /** It has not been silent for long, for long enough. */
  get certain(): boolean {
    return this.now() - this.lastSeen <= LEASE_MS && this.lastSeen - this.since >= PROBATION_MS;
  }
}
