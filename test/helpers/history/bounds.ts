/**
 * Converts records to operations for the checker, and determines the latest time at which each may have taken effect.
 */
import { type Kind, type Micros, outcome, type Period, type Recorded } from "./record";

/**
 * How long an unacknowledged write may still take effect, in µs, counted from its error response or, if main was
 * suspended, from when main resumes. docs/api.md guarantees this limit to callers.
 */
export const LATE_MICROS = 2_000_000;

/** An operation as the checker reads it. */
export interface Operation {
  readonly key: string;
  readonly client: number;
  readonly kind: Kind;
  readonly value: string | null;
  readonly call: Micros;
  /** The operation has taken effect by then, or never does. */
  readonly latest: Micros;
  /** Whether the operation may never take effect. */
  readonly optional: boolean;
  /** The record of the operation. */
  readonly record: Recorded;
}

/**
 * The latest time at which an unacknowledged write may take effect. @param frozen periods in which main was suspended
 */
export function latest({ call, end }: Recorded, frozen: readonly Period[]): Micros {
  let until = end + LATE_MICROS;
  for (const { from, to } of [...frozen].sort((a, b) => a.from - b.from)) {
    if (from <= until && to >= call) until = Math.max(until, to + LATE_MICROS);
  }
  // the checker reads whole numbers; the offset between two clocks has a fraction
  return Math.ceil(until);
}

/** Operations that constrain the order, which excludes failed writes and reads without a response. */
export const operations = (records: readonly Recorded[], frozen: readonly Period[]): Operation[] =>
  records.flatMap((record) => {
    const { key, client, kind, value, call, end } = record;
    const known = outcome(record);
    if (known === "failed" || (known === "unknown" && kind === "read")) return [];
    const optional = known === "unknown";
    return [{ key, client, kind, value, call, latest: optional ? latest(record, frozen) : end, optional, record }];
  });
