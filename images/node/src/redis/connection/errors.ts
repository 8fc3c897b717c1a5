/** Why a Redis command has no answer, told apart by what the caller may do next. */

export abstract class RedisError extends Error {}

/** It was not sent: the same command may go anywhere else, a write too. */
export class NotSent extends RedisError {}

/** It may have been carried out: only a read may be tried again. */
export class NoAnswer extends RedisError {}

/** Main has carried it out, but may be the only one: if it is lost now, so is the write. */
export class NotReplicated extends NoAnswer {
  constructor(reason: string) {
    super(`the write is not certain to be kept: ${reason}`);
  }
}

/** Redis answered and refused; nothing was done. */
export class Refused extends RedisError {
  /** The first word of the reply: OOM, READONLY, LOADING, WRONGTYPE… */
  readonly code: string;
  constructor(reply: string) {
    const code = /^[A-Z]+/.exec(reply)?.[0] ?? "ERR";
    super(`Redis refused: ${code}`);
    this.code = code;
  }

  /** Another instance, or the same one a moment later, may well answer. */
  get transient(): boolean {
    return ["LOADING", "MASTERDOWN", "READONLY", "BUSY", "TRYAGAIN", "NOAUTH", "NOPERM"].includes(this.code);
  }
}

/** What is none of these comes from the client library: the connection failed. */
export const asRedisError = (error: unknown): RedisError =>
  error instanceof RedisError ? error : new NoAnswer("the connection to Redis failed");
