/**
 * Limits the total memory of large requests and responses.
 *
 * A body that is still arriving holds memory only for what has arrived, so announcing a large body takes nothing from
 * others. If too little is left for the next request, the body with the largest product of its size and its age loses
 * its memory: one that stopped, or that is as slow as the API allows. To displace a body, others must together send
 * several MiB per second (test/memory.test.ts simulates this).
 */

/** Age from which a body can be rejected as the slowest, in ms: before, its first bytes may still be on their way. */
const YOUNG_MS = 250;

/** The memory of one body. */
export class BodyMemory {
  /** Number of bytes. */
  private held = 0;
  /** Bytes of the body that have arrived. */
  received = 0;
  private readonly began: number;

  /** Only {@link Memory.body} calls it. */
  constructor(
    private readonly memory: Memory,
    private readonly arriving: Set<BodyMemory>,
    /** Rejects the body. */
    readonly giveUp: (error: Error) => void,
  ) {
    this.began = memory.now();
  }

  /** In ms. */
  get age(): number {
    return this.memory.now() - this.began;
  }

  /** Its size times its age, in byte milliseconds. */
  get occupied(): number {
    return this.held * this.age;
  }

  get bytes(): number {
    return this.held;
  }

  /** From now on the memory can be taken back, because the body is still arriving. */
  arrive(): void {
    this.arriving.add(this);
  }

  /** Increases the memory that the body holds to `bytes`; throws if too little is left. */
  grow(bytes: number): void {
    this.memory.take(bytes - this.held, this);
    this.held = bytes;
  }

  /** From now on the memory cannot be taken back, because the body is complete. */
  keep(): void {
    this.arriving.delete(this);
  }

  /** Safe to call twice. */
  release(): void {
    this.keep();
    this.memory.used -= this.held;
    this.held = 0;
  }
}

export class Memory {
  /** Bytes reserved. */
  used = 0;
  /** The bodies that are still arriving, the oldest first. */
  private readonly bodies = new Set<BodyMemory>();

  /**
   * @param limit bytes
   * @param refused counts a request that gets no memory, or loses it; returns its error
   */
  constructor(
    private readonly limit: number,
    private readonly refused: () => Error,
    /** The current time, in ms. */
    readonly now: () => number = () => performance.now(),
  ) {}

  /** Bodies that are still arriving, including those that hold no memory yet. */
  get arriving(): number {
    return this.bodies.size;
  }

  /**
   * Memory for a body. It holds nothing yet.
   *
   * @param giveUp rejects the body: its memory has been taken back
   */
  body(giveUp: (error: Error) => void): BodyMemory {
    return new BodyMemory(this, this.bodies, giveUp);
  }

  /** Reserves `count` bytes. The returned function releases them and is safe to call twice. */
  reserve(count: number): () => void {
    const held = this.body(() => undefined);
    held.grow(count);
    return () => held.release();
  }

  /**
   * Rejects the body that arrives at the lowest rate; if all of them began just now, the oldest. If the one without
   * progress for longest were rejected instead, new bodies that stop after a few bytes would displace all others.
   */
  giveUpSlowest(error: Error): void {
    const rate = ({ received, age }: BodyMemory) => received / age;
    let [slowest] = this.bodies;
    for (const body of this.bodies) if (body.age >= YOUNG_MS && rate(body) < rate(slowest!)) slowest = body;
    if (slowest) this.takeBack(slowest, error);
  }

  /** Reserves `count` bytes for `body`, which records them. */
  take(count: number, body: BodyMemory): void {
    if (this.used + count > this.limit) this.makeRoom(count, body);
    this.used += count;
  }

  private makeRoom(count: number, body: BodyMemory): void {
    const others = [...this.bodies].filter((other) => other !== body && other.bytes > 0);
    const kept = this.used - others.reduce((sum, { bytes }) => sum + bytes, 0);
    // a single request larger than the limit is still allowed, on its own
    if (kept + count > this.limit && kept > body.bytes) throw this.refused();
    others.sort((a, b) => b.occupied - a.occupied);
    for (const other of others) {
      if (this.used + count <= this.limit) return;
      this.takeBack(other, this.refused());
    }
  }

  private takeBack(body: BodyMemory, error: Error): void {
    body.release();
    body.giveUp(error);
  }
}
