/** A history: every operation of every client, with response and times. */

/** Microseconds on a monotonic clock that all processes on a machine share. */
export type Micros = number;

export type Kind = "set" | "delete" | "read";

/** An operation as its client saw it. */
export interface Recorded {
  readonly client: number;
  /** Which API process was called. */
  readonly api: number;
  readonly kind: Kind;
  readonly key: string;
  /** The value that was set or read; null for a delete, and for a read that found nothing. */
  readonly value: string | null;
  readonly call: Micros;
  readonly end: Micros;
  /** The HTTP status; 0 if there was no response. */
  readonly status: number;
  /** Why the operation failed: the response's text or the connection error; empty after a success. */
  readonly reason: string;
}

/** A period with its start and end. */
export interface Period {
  readonly from: Micros;
  readonly to: Micros;
}

type Line = [number, number, Kind, string, string | null, Micros, Micros, number, string];

/** Parses one line of the file that the clients write. @throws if the line is malformed */
export function parseLine(line: string): Recorded {
  const [client, api, kind, key, value, call, end, status, reason] = JSON.parse(line) as Line;
  return { client, api, kind, key, value, call, end, status, reason };
}

/** The current time on the clock that records made on this machine use. */
export const now = (): Micros => Number(process.hrtime.bigint() / 1000n);

/** Responses that prove that the operation was not executed: it was not sent, main rejected it, or load was shed. */
const NOT_EXECUTED =
  /^\{"error":"(Redis (is not reachable|does not answer|refused: (READONLY|NOREPLICAS|LOADING|MISCONF|OOM|MASTERDOWN|BUSY|NOAUTH|NOPERM))|overloaded, try again)"/;

/**
 * What a client knows after an operation. `failed`: it was certainly not executed. `unknown`: it may have been
 * executed, or may still be. Only a response that states why the operation was not executed proves a failure.
 */
export function outcome({ kind, status, reason }: Recorded): "ok" | "failed" | "unknown" {
  if (status === 200 || (kind === "read" && status === 404)) return "ok";
  if (status >= 400 && status < 500) return "failed";
  return status === 503 && NOT_EXECUTED.test(reason) ? "failed" : "unknown";
}
