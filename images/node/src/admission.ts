/**
 * How much is taken on at once. Above the bounds a request is refused at once with 503 and
 * Retry-After: a caller that waits in vain costs more than one that is told, and memory stays flat.
 */

export type ShedReason = "in_flight" | "bytes" | "lists";

export interface AdmissionLimits {
  readonly maxInFlight: number;
  readonly maxBytesInFlight: number;
  readonly maxLists: number;
}

/** A bound was reached: the request was not begun. */
export class Overloaded extends Error {
  constructor(readonly reason: ShedReason) {
    super("too much in work, try again");
  }
}

export class Admission {
  inFlight = 0;
  bytes = 0;
  lists = 0;
  /** Requests that came since the start, those that were refused among them. */
  received = 0;
  /** Requests that are no longer in work, since the start. */
  finished = 0;
  readonly shed: Record<ShedReason, number> = { in_flight: 0, bytes: 0, lists: 0 };

  constructor(private readonly limits: AdmissionLimits) {}

  /** Throws where too much is in work; else counts the request in. */
  enter(): void {
    this.received++;
    if (this.inFlight >= this.limits.maxInFlight) throw this.overloaded("in_flight");
    this.inFlight++;
  }

  leave(): void {
    this.inFlight--;
    this.finished++;
  }

  /** Takes `count` bytes on; what it returns gives them back, once. */
  reserve(count: number): () => void {
    // one that is larger than the bound must still be possible, alone
    if (this.bytes > 0 && this.bytes + count > this.limits.maxBytesInFlight) throw this.overloaded("bytes");
    this.bytes += count;
    return once(() => (this.bytes -= count));
  }

  reserveList(): () => void {
    if (this.lists >= this.limits.maxLists) throw this.overloaded("lists");
    this.lists++;
    return once(() => this.lists--);
  }

  private overloaded(reason: ShedReason): Overloaded {
    this.shed[reason]++;
    return new Overloaded(reason);
  }
}

function once(run: () => void): () => void {
  let done = false;
  return () => {
    if (done) return;
    done = true;
    run();
  };
}
