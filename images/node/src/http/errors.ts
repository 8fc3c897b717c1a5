/** Turns errors into HTTP responses; only this file maps them to a status, headers and a body. */
import { Overloaded } from "../admission";
import { RedisError, Refused } from "../redis/connection/errors";
import { Abandoned } from "../redis/reads/bulk-connection";

export class HttpError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly headers: Readonly<Record<string, string>> = {},
    /** Not logged, because a metric counts it. */
    readonly quiet = false,
  ) {
    super(message);
    this.name = "HttpError";
  }
}

const RETRY = { "retry-after": "1" } as const;

export const badRequest = (reason: string): HttpError => new HttpError(400, reason);

/** The client disconnected before its request was complete: no response is sent, but the request is counted. */
export const callerLeft = (): HttpError => new HttpError(499, "the client disconnected", {}, true);

/** Redis is unavailable or too slow: the caller may retry. */
export const unavailable = (reason: string): HttpError => new HttpError(503, reason, RETRY);

/** undefined if the error is unexpected, which is a bug. */
export function toHttpError(error: unknown): HttpError | undefined {
  if (error instanceof HttpError) return error;
  if (error instanceof Overloaded) return new HttpError(503, error.message, RETRY, true);
  if (error instanceof Abandoned) return callerLeft();
  if (error instanceof Refused && error.code === "WRONGTYPE") {
    return new HttpError(409, "the key holds something other than text");
  }
  // also OOM, MISCONF, NOREPLICAS, LOADING…: nothing was written
  return error instanceof RedisError ? unavailable(error.message) : undefined;
}
