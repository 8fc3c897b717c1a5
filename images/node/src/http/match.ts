/** Checks patterns for keys, and limits their cost in Redis. */
import { badRequest } from "./errors";
import { LIMITS } from "./input";

/** Maximum length of a pattern, in bytes: enough for a case-insensitive search for 63 letters. */
const MAX_BYTES = 256;
/** Maximum number of keys per step: small, so that other requests are answered between two steps. */
const MAX_STEP = 250;
/**
 * Maximum number of bytes compared per step: this takes up to 4.5 ms, during which Redis answers no other client
 * (docs/api.md).
 */
const MAX_COMPARISONS = 1_000_000;

export function checkMatch(match: string | null): string | undefined {
  if (match === null || match === "") return undefined;
  const bytes = Buffer.byteLength(match);
  if (bytes > MAX_BYTES) throw badRequest(`match is ${bytes} bytes long, at most ${MAX_BYTES}`);
  return match;
}

/**
 * How many keys a step may scan. After a `*`, Redis compares the rest of the pattern with each position of a key: up to
 * P × S comparisons for a pattern of P bytes and a key of S bytes. A step of 1,000 long keys took 4 s, and Sentinel
 * declared main dead during it. Matching in the API instead would relieve Redis, but all keys would have to be sent to
 * the API, and its event loop would block.
 *
 * The limit assumes keys of maximum length, so it depends only on the pattern: a cursor inside a step is only valid if
 * the next page repeats the same step.
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
