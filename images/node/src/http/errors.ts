/** An answer other than success: status and a reason for the caller. */
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

export const badRequest = (reason: string): HttpError => new HttpError(400, reason);

/** Redis did not do it in time, or is not there: 503, and the caller may try again. */
export const unavailable = (reason: string): HttpError => new HttpError(503, reason, { "retry-after": "1" });
