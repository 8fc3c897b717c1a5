/**
 * Load shedding: limits on work in flight. A request above a limit is rejected immediately, which costs less than
 * letting it wait until it times out, and keeps memory use constant.
 */
import { type BodyMemory, Memory } from "./memory";

export type ShedReason = "in_flight" | "bodies" | "bytes" | "lists";

export interface AdmissionLimits {
  readonly maxInFlight: number;
  readonly maxBytesInFlight: number;
  readonly maxLists: number;
  readonly maxMatchingPages: number;
  readonly maxBodiesArriving: number;
}

/** A limit was reached; the request was not started. */
export class Overloaded extends Error {
  constructor(readonly reason: ShedReason) {
    super("overloaded, try again");
  }
}

export class Admission {
  inFlight = 0;
  lists = 0;
  private matchingPages = 0;
  /** Requests received since the start, including those shed. */
  received = 0;
  /** Requests finished since the start. */
  finished = 0;
  readonly shed: Record<ShedReason, number> = { in_flight: 0, bodies: 0, bytes: 0, lists: 0 };

  /** Memory for large requests and responses. */
  readonly memory: Memory;

  constructor(private readonly limits: AdmissionLimits) {
    this.memory = new Memory(limits.maxBytesInFlight, () => this.overloaded("bytes"));
  }

  /** Requests whose body has not arrived yet. These are not in flight. */
  get arriving(): number {
    return this.memory.arriving;
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
   * A request does not count as in flight while its body arrives, so that callers that send only half a body use no
   * capacity. If too many bodies are arriving, the one that arrives at the lowest rate is rejected, because it is the
   * least likely to be completed.
   *
   * @param memory of the body
   * @throws Overloaded if there is no capacity left once it has arrived
   */
  async whileArriving<T>(body: Promise<T>, memory: BodyMemory): Promise<T> {
    memory.arrive();
    this.inFlight--;
    if (this.arriving > this.limits.maxBodiesArriving) this.memory.giveUpSlowest(this.overloaded("bodies"));
    try {
      await body;
    } finally {
      memory.keep();
      // always, because leave() subtracts it again
      this.inFlight++;
    }
    if (this.inFlight > this.limits.maxInFlight) throw this.overloaded("in_flight");
    return body;
  }

  /** Reserves capacity for one full list. The returned function releases it and is safe to call twice. */
  reserveList(): () => void {
    if (this.lists >= this.limits.maxLists) throw this.overloaded("lists");
    this.lists++;
    return once(() => this.lists--);
  }

  /**
   * Runs `read`, which reads a page of matching keys. Such pages wait for each other, so without a separate limit, they
   * could use up the capacity for all other requests.
   */
  async whileMatching<T>(read: () => Promise<T>): Promise<T> {
    if (this.matchingPages >= this.limits.maxMatchingPages) throw this.overloaded("lists");
    this.matchingPages++;
    try {
      return await read();
    } finally {
      this.matchingPages--;
    }
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
