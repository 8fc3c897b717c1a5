/**
 * Load shedding: limits on work in flight. Above them a request is rejected immediately, which costs less than letting
 * it wait until it times out, and keeps memory use constant.
 */

export type ShedReason = "in_flight" | "bodies" | "bytes" | "lists";

export interface AdmissionLimits {
  readonly maxInFlight: number;
  readonly maxBytesInFlight: number;
  readonly maxLists: number;
}

/** A limit was reached; the request was not started. */
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
  readonly shed: Record<ShedReason, number> = { in_flight: 0, bodies: 0, bytes: 0, lists: 0 };

  /** Callbacks that reject the requests whose body has not arrived yet, the oldest first. These are not in flight. */
  private readonly arrivals = new Set<(error: Overloaded) => void>();

  constructor(private readonly limits: AdmissionLimits) {}

  /** Requests whose body has not arrived yet. */
  get arriving(): number {
    return this.arrivals.size;
  }

  /** Counts the request as in flight, or throws {@link Overloaded}. */
  enter(): void {
    this.received++;
    if (this.inFlight >= this.limits.maxInFlight) throw this.overloaded("in_flight");
    this.inFlight++;
  }

  leave(): void {
    this.inFlight--;
    this.finished++;
  }

  /**
   * Does not count a request as in flight while its body arrives, so that callers that send only half of a body use no
   * capacity. The limit for arriving bodies is the same as for requests in flight; above it, the oldest is rejected,
   * because it is the least likely to be completed.
   *
   * @param giveUp rejects `body`
   * @throws Overloaded if there is no capacity left once it has arrived
   */
  async whileArriving<T>(body: Promise<T>, giveUp: (error: Overloaded) => void): Promise<T> {
    this.arrivals.add(giveUp);
    this.inFlight--;
    if (this.arrivals.size > this.limits.maxInFlight) {
      const [oldest] = this.arrivals;
      this.arrivals.delete(oldest!);
      oldest!(this.overloaded("bodies"));
    }
    try {
      await body;
    } finally {
      this.arrivals.delete(giveUp);
      // always, because leave() subtracts it again
      this.inFlight++;
    }
    if (this.inFlight > this.limits.maxInFlight) throw this.overloaded("in_flight");
    return body;
  }

  /** Reserves `count` bytes. The returned function releases them and is safe to call twice. */
  reserve(count: number): () => void {
    // a single request larger than the bound is still allowed, on its own
    if (this.bytes > 0 && this.bytes + count > this.limits.maxBytesInFlight) throw this.overloaded("bytes");
    this.bytes += count;
    return once(() => (this.bytes -= count));
  }

  /** Reserves capacity for one whole list; see {@link reserve}. */
  reserveList(): () => void {
    if (this.lists >= this.limits.maxLists) throw this.overloaded("lists");
    this.lists++;
    return once(() => this.lists--);
  }

  /** Counts a request as shed; the caller throws the error. */
  overloaded(reason: ShedReason): Overloaded {
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
