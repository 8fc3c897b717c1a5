/** Lists of keys: parses their parameters, and streams all keys. */
import { badRequest, callerLeft, unavailable } from "./errors";
import { LIMITS } from "./input";
import { maxStep } from "./match";
import { RedisError } from "../redis/connection/errors";
import { NoTurn } from "../redis/reads/bulk-connection";
import { otherMayAnswer } from "../redis/reads/bulk-reader";
import type { Scanned } from "../redis/reads/scanner";
import type { Store } from "../redis/store";

const PAGE = { default: 100, max: 1000 } as const;
/** Memory that a stream uses, in bytes: one step's keys of 1 KiB, both as keys and as text. */
export const STREAM_BYTES = maxStep(undefined) * LIMITS.idBytes * 2;
/** Maximum total length of the keys in one piece of a stream, which is then at most 100 KB of JSON. */
const PIECE_LENGTH = 16 * 1024;
/** How long a stream waits for its caller, in ms; each piece that the caller reads extends this time. */
const READ_PATIENCE_MS = 10_000;
/** Minimum speed at which a stream's caller must read, in bytes per ms. */
const READ_SPEED = 32;
/** After each step, a stream pauses for this many times the step's duration. */
const PAUSE_FACTOR = 3;
/** How many times a stream restarts on another instance if its own becomes unavailable. */
const MAX_RESTARTS = 3;

export interface ListQuery {
  /** Redis pattern of the keys. */
  readonly match: string | undefined;
  /** Whether only main may answer. */
  readonly strong: boolean;
  /** Whether the caller has disconnected; if so, no further step is needed. */
  readonly left: () => boolean;
}

export function checkLimit(text: string | null): number {
  if (text === null) return PAGE.default;
  const limit = Number(text);
  if (!/^\d+$/.test(text) || limit < 1 || limit > PAGE.max) {
    throw badRequest(`limit is "${text.slice(0, 20)}", expected a whole number from 1 to ${PAGE.max}`);
  }
  return limit;
}

/**
 * All keys, as chunks of a JSON array. Holds one step in memory.
 *
 * If its instance becomes unavailable, the stream restarts on another one. A key may then appear twice, as it may when
 * Redis resizes its hash table. A key that exists throughout is never missing.
 */
export async function* stream(store: Store, query: ListQuery): AsyncGenerator<string> {
  let separator = "[";
  let at: Scanned | undefined;
  for (let restarts = 0; ;) {
    // a list without matches yields nothing, so nothing else would end it
    if (query.left()) throw callerLeft();
    const begin = performance.now();
    let scanned: Scanned | undefined;
    try {
      scanned = await store.scan({ ...query, count: maxStep(query.match) }, at);
    } catch (error) {
      // its turn is reserved: it continues once the pages before it are done
      if (error instanceof NoTurn && at) continue;
      if (!(error instanceof RedisError) || !otherMayAnswer(error) || !at) throw error;
    }
    if (!scanned) {
      if (++restarts > MAX_RESTARTS) throw unavailable("too many Redis instances became unavailable during the list");
      at = undefined;
      continue;
    }
    for (const keys of pieces(scanned.keys)) {
      yield separator + JSON.stringify(keys).slice(1, -1);
      separator = ",";
    }
    if (scanned.cursor === "0") break;
    at = scanned;
    // leave three quarters of the time for other requests
    await new Promise((resolve) => setTimeout(resolve, Math.min(20, PAUSE_FACTOR * (performance.now() - begin))));
  }
  yield separator === "[" ? "[]" : "]";
}

/** Splits keys into pieces that are short even in JSON, where a control character takes six bytes. */
function* pieces(keys: readonly string[]): Generator<readonly string[]> {
  let begin = 0;
  for (let i = 0, length = 0; i < keys.length; i++) {
    length += keys[i]!.length;
    if (length < PIECE_LENGTH && i < keys.length - 1) continue;
    yield keys.slice(begin, i + 1);
    begin = i + 1;
    length = 0;
  }
}

/**
 * Passes on the same chunks, and calls `giveUp` if the caller reads too slowly: only a few lists are allowed at once,
 * and an unread list must not occupy a slot forever.
 */
export async function* whileRead(pieces: AsyncIterable<string>, giveUp: () => void): AsyncGenerator<string> {
  let patience = READ_PATIENCE_MS;
  for await (const piece of pieces) {
    patience += piece.length / READ_SPEED;
    const timer = setTimeout(giveUp, patience);
    const begin = performance.now();
    try {
      yield piece;
    } finally {
      clearTimeout(timer);
    }
    patience -= performance.now() - begin;
  }
}
