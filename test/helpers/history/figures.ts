/** Figures derived from a history in addition to its verdict: availability, outages, and writes missing at the end. */
import { latest } from "./bounds";
import { type Micros, outcome, type Period, type Recorded } from "./record";

const acknowledged = (r: Recorded) => r.kind !== "read" && outcome(r) === "ok";

/** Operations that lie fully outside all `windows`. */
export const outside = (records: readonly Recorded[], windows: readonly Period[]): Recorded[] =>
  records.filter((r) => !windows.some(({ from, to }) => r.call <= to && r.end >= from));

/** The longest time in a period without a success among the chosen operations, in seconds. */
export function longestGap(
  records: readonly Recorded[],
  { from, to }: Period,
  chosen: (r: Recorded) => boolean = acknowledged,
): number {
  const ends = records
    .filter((r) => r.end >= from && r.end <= to && outcome(r) === "ok" && chosen(r))
    .map((r) => r.end);
  const times = [from, ...ends.sort((a, b) => a - b), to];
  return Math.max(...times.slice(1).map((at, i) => at - times[i]!)) / 1e6;
}

/** Shares of sets, deletes and strong reads. */
export function shares(records: readonly Recorded[]): { set: number; delete: number; read: number } {
  const of = (kind: Recorded["kind"]) => records.filter((r) => r.kind === kind).length / (records.length || 1);
  return { set: of("set"), delete: of("delete"), read: of("read") };
}

/**
 * Keys whose last acknowledged write an instance lacks: it has neither that write's result nor the result of a write
 * that may have followed.
 *
 * @param held the instance's data at the end; null for a missing key
 */
export function missing(
  records: readonly Recorded[],
  frozen: readonly Period[],
  held: ReadonlyMap<string, string | null>,
): string[] {
  const byKey = new Map<string, Recorded[]>();
  for (const r of records) {
    if (r.kind === "read" || outcome(r) === "failed") continue;
    const of = byKey.get(r.key);
    if (of) of.push(r);
    else byKey.set(r.key, [r]);
  }
  return [...byKey].flatMap(([key, writes]) => {
    const lastCall = Math.max(-1, ...writes.filter(acknowledged).map((w) => w.call));
    const until = (w: Recorded): Micros => (acknowledged(w) ? w.end : latest(w, frozen));
    const results = new Set(writes.filter((w) => until(w) >= lastCall).map((w) => w.value));
    const nothingAcknowledged = lastCall < 0 && (held.get(key) ?? null) === null;
    return results.has(held.get(key) ?? null) || nothingAcknowledged ? [] : [key];
  });
}
