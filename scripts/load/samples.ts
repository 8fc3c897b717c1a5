/** The samples of a load, one per second: target rate, results, latencies and pods. */
import { BOUNDS, type Counts } from "./k6";
import type { Shape } from "./profile";

/** Pods of one workload: Ready, and desired by its autoscaler. */
export interface Pods {
  readonly ready: number;
  readonly wanted: number;
}

export interface Sample {
  /** Seconds from the first request. */
  readonly second: number;
  /** Target rate, requests per second. */
  readonly asked: number;
  /** Requests per second that succeeded, were rejected, failed, or were not sent. */
  readonly answered: number;
  readonly refused: number;
  readonly failed: number;
  readonly dropped: number;
  /** ms; null if nothing was answered. */
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
 * A quantile from bucket counts, interpolated linearly within its bucket, in ms. Above the last bound, the result is
 * that bound.
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

/** Rates and latencies between two readings of the counters. */
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
