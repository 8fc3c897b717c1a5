/**
 * Whether main is certainly still main, although not all of its copies have confirmed a write.
 *
 * On a failover Sentinel promotes one copy first and reconfigures the other one afterwards. If the old main was silent
 * just long enough to be replaced and returns within that half second, one copy still follows it: a write that this
 * copy confirms is lost with the old main. All copies cannot confirm such a write, because one of them is the new main,
 * so a confirmation by all is proof. With fewer confirmations, main must not have been silent for as long as a failover
 * takes.
 */

/** Shorter than the time after which Sentinel considers main down, ms. */
export const LEASE_MS = 2000;
/** Longer than a failover takes from its start until all copies are reconfigured, ms. */
export const PROBATION_MS = 6000;

export class MainLease {
  private lastSeen = -Infinity;
  private since = Infinity;
  private address: string | undefined;

  /** @param now current time, ms */
  constructor(private readonly now: () => number = () => performance.now()) {}

  /** Main answered a command sent at `at`, and a copy is connected to it. */
  seen(at: number): void {
    if (at - this.lastSeen > LEASE_MS) this.since = at;
    this.lastSeen = Math.max(this.lastSeen, at);
  }

  /** All copies confirmed a write sent at `at`: none of them had become main. */
  confirmedByAll(at: number): void {
    this.lastSeen = Math.max(this.lastSeen, at);
    this.since = -Infinity;
  }

  /** Sentinel announced a main. If it is another one than before, the failover is complete. */
  announced(address: string): void {
    if (this.address !== undefined && this.address !== address) this.confirmedByAll(this.now());
    this.address = address;
  }

  /** Main is not silent, and has not been for the length of a failover. */
  get certain(): boolean {
    return this.now() - this.lastSeen <= LEASE_MS && this.lastSeen - this.since >= PROBATION_MS;
  }
}
