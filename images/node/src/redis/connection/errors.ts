/** The ways in which a Redis command can fail, by what the caller may do next. */

export abstract class RedisError extends Error {}

/** The command was not sent: any command, even a write, may be sent again. */
export class NotSent extends RedisError {}

/** The command may have been executed: only a read may be sent again. */
export class NoAnswer extends RedisError {}

/** Main has executed the write, but perhaps no copy has it yet: if main is lost now, so is the write. */
export class NotReplicated extends NoAnswer {
  constructor(reason: string) {
    super(`the write may be lost: ${reason}`);
  }
}

/** Redis rejected the command: it was not executed. */
export class Refused extends RedisError {
  /** The first word of the reply: OOM, READONLY, LOADING, WRONGTYPE… */
  readonly code: string;
  constructor(reply: string) {
    const code = /^[A-Z]+/.exec(reply)?.[0] ?? "ERR";
    super(`Redis refused: ${code}`);
    this.code = code;
  }

  /** Another instance may answer, or the same one a moment later. */
  get transient(): boolean {
    return ["LOADING", "MASTERDOWN", "READONLY", "BUSY", "TRYAGAIN", "NOAUTH", "NOPERM"].includes(this.code);
  }
}

/** Whether every instance would give the same answer, now and later. */
export const isFinal = (error: unknown): boolean => error instanceof Refused && !error.transient;

/** Any other error comes from the client library: the connection failed. */
export const asRedisError = (error: unknown): RedisError =>
  error instanceof RedisError ? error : new NoAnswer("the connection to Redis failed");
