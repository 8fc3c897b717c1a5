/** An answer other than success, and what each error of the layers below is for a caller. */
import { Overloaded } from "../admission";
import { RedisError, Refused } from "../redis/connection/errors";

/** Status and reason for the caller. */
export class HttpError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly headers: Readonly<Record<string, string>> = {},
    /** Counted elsewhere, and no news: not logged. */
    readonly quiet = false,
  ) {
    super(message);
    this.name = "HttpError";
  }
}

const RETRY = { "retry-after": "1" } as const;

export const badRequest = (reason: string): HttpError => new HttpError(400, reason);

/** Redis did not do it in time, or is not there: 503, and the caller may try again. */
export const unavailable = (reason: string): HttpError => new HttpError(503, reason, RETRY);

/** undefined where the error is none that is known: a fault of this program. */
export function toHttpError(error: unknown): HttpError | undefined {
  if (error instanceof HttpError) return error;
  if (error instanceof Overloaded) return new HttpError(503, error.message, RETRY, true);
  if (error instanceof Refused && error.code === "WRONGTYPE") {
    return new HttpError(409, "the key holds something other than text");
  }
  // OOM, MISCONF, NOREPLICAS, LOADING…: nothing was written
  return error instanceof RedisError ? unavailable(error.message) : undefined;
}
