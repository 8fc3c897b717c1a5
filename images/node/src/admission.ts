/**
 * Load shedding: bounds on what is in flight. Above them a request is rejected immediately, which costs less than
 * letting it wait until it times out, and keeps memory flat.
 */

export type ShedReason = "in_flight" | "bytes" | "lists";

export interface AdmissionLimits {
  readonly maxInFlight: number;
  readonly maxBytesInFlight: number;
  readonly maxLists: number;
}

/** A bound was reached; the request was not started. */
export class Overloaded extends Error {
  constructor(readonly reason: ShedReason) {
    super("overloaded, try again");
  }
}

export class Admission {
  inFlight = 0;
  bytes = 0;
  lists = 0;
  /** Requests received since the start, including those shed. */
  received = 0;
  /** Requests finished since the start. */
  finished = 0;
  readonly shed: Record<ShedReason, number> = { in_flight: 0, bytes: 0, lists: 0 };

  constructor(private readonly limits: AdmissionLimits) {}

  /** Counts the request in, or throws {@link Overloaded}. */
  enter(): void {
    this.received++;
    if (this.inFlight >= this.limits.maxInFlight) throw this.overloaded("in_flight");
    this.inFlight++;
  }

  leave(): void {
    this.inFlight--;
    this.finished++;
  }

  /** Reserves `count` bytes. The returned function releases them and is safe to call twice. */
  reserve(count: number): () => void {
    // a single request larger than the bound is still allowed, on its own
    if (this.bytes > 0 && this.bytes + count > this.limits.maxBytesInFlight) throw this.overloaded("bytes");
    this.bytes += count;
    return once(() => (this.bytes -= count));
  }

  /** Reserves a place for one whole list; see {@link reserve}. */
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
