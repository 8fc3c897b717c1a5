/** Patterns of keys, and what they cost Redis. */
import { badRequest } from "./errors";
import { LIMITS } from "./input";

/** Longest pattern, bytes: a search for 63 letters that ignores case. */
const MAX_BYTES = 256;
/** Keys that one step scans at most: few, so that other requests are answered between two steps. */
const MAX_STEP = 250;
/** Comparisons of one byte in one step: up to 4 ms in which Redis answers no other client (measured in docs/api.md). */
const MAX_COMPARISONS = 1_000_000;

export function checkMatch(match: string | null): string | undefined {
  if (match === null || match === "") return undefined;
  const bytes = Buffer.byteLength(match);
  if (bytes > MAX_BYTES) throw badRequest(`match is ${bytes} bytes long, at most ${MAX_BYTES}`);
  return match;
}

/**
 * How many keys a step may scan. After a `*`, Redis compares the rest of the pattern with each position of a key: up to
 * P × S comparisons for a pattern of P bytes and a key of S. A step of 1,000 long keys took 4 s, in which Sentinel
 * declared main dead. Matching in the API instead would spare Redis, but send it all keys, and block its own event loop.
 *
 * The limit assumes the longest keys, and so depends on the pattern alone: a cursor inside a step is only valid if the
 * next page repeats the same step.
 */
export function maxStep(match: string | undefined): number {
  if (match === undefined) return MAX_STEP;
  const bytes = Buffer.byteLength(match);
  const star = match.indexOf("*");
  // a last `*` matches at once
  const repeats = star >= 0 && !/^\*+$/.test(match.slice(star));
  const perKey = repeats ? bytes * LIMITS.idBytes : bytes;
  return Math.min(Math.max(Math.floor(MAX_COMPARISONS / perKey), 1), MAX_STEP);
}
