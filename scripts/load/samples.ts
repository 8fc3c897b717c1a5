/** A load second by second: what was asked for, what became of it, and how many pods there were. */
import { BOUNDS, type Counts } from "./k6";
import type { Shape } from "./profile";

/** Pods of one part: Ready, and wanted by its autoscaler. */
export interface Pods {
  readonly ready: number;
  readonly wanted: number;
}

export interface Sample {
  /** Seconds from the first request. */
  readonly second: number;
  /** Requests a second that were due. */
  readonly asked: number;
  /** Requests a second that were answered, refused, failed, and not sent. */
  readonly answered: number;
  readonly refused: number;
  readonly failed: number;
  readonly dropped: number;
  /** ms; null where nothing was answered. */
  readonly p50: number | null;
  readonly p99: number | null;
  readonly pods: Readonly<Record<string, Pods>>;
}

export interface Load {
  readonly shape: Shape;
  readonly target: string;
  readonly writes: number;
  readonly startedAt: string;
  readonly samples: Sample[];
  totals: Counts | undefined;
}

/**
 * A quantile of counts by bucket, within its bucket by proportion, ms.
 * Beyond the last bound it is that bound.
 */
export function quantile(buckets: readonly number[], q: number): number | null {
  const total = buckets.reduce((a, b) => a + b, 0);
  if (!total) return null;
  let left = total * q;
  for (let i = 0; i < BOUNDS.length; i++) {
    const count = buckets[i] ?? 0;
    const from = BOUNDS[i - 1] ?? 0;
    if (left <= count) return from + ((BOUNDS[i]! - from) * left) / count;
    left -= count;
  }
  return BOUNDS.at(-1)!;
}

/** What happened between two looks. */
export function between(before: Counts | undefined, now: Counts, seconds: number) {
  const rate = (what: "answered" | "refused" | "failed" | "dropped") => (now[what] - (before?.[what] ?? 0)) / seconds;
  const buckets = now.buckets.map((count, i) => count - (before?.buckets[i] ?? 0));
  return {
    answered: rate("answered"),
    refused: rate("refused"),
    failed: rate("failed"),
    dropped: rate("dropped"),
    p50: quantile(buckets, 0.5),
    p99: quantile(buckets, 0.99),
  };
}
