/** Lists of keys: one page, or all as a stream. */
import { badRequest, HttpError, unavailable } from "./errors";
import type { Consistency, Scanned, Store } from "../redis/store";

const PAGE = { default: 100, max: 1000, matchBytes: 1024 } as const;
/** Keys scanned per step of a stream: few, so that other requests are answered in between. */
const STREAM_COUNT = 250;
/** After each step a stream pauses for this many times the step's duration. */
const PAUSE_FACTOR = 3;
/** A page scans at most this many keys, however few match. */
const PAGE_MAX_SCANNED = 20_000;
/** How often a stream restarts on another instance if its own becomes unavailable. */
const MAX_RESTARTS = 3;

/** A cursor contains the run id of its Redis process, because it is meaningless to any other. */
const encodeCursor = ({ runId, cursor }: Pick<Scanned, "runId" | "cursor">): string =>
  Buffer.from(`${runId}:${cursor}`).toString("base64url");

function decodeCursor(text: string): Pick<Scanned, "runId" | "cursor"> {
  const [, runId, cursor] = /^([0-9a-f]{40}):(\d{1,20})$/.exec(Buffer.from(text, "base64url").toString()) ?? [];
  if (!runId || !cursor) throw badRequest("invalid cursor: use one returned by this API");
  return { runId, cursor };
}

export interface ListQuery {
  readonly match: string | undefined;
  readonly consistency: Consistency;
}

export function checkMatch(match: string | null): string | undefined {
  if (match === null || match === "") return undefined;
  const bytes = Buffer.byteLength(match);
  if (bytes > PAGE.matchBytes) throw badRequest(`match is ${bytes} bytes long, at most ${PAGE.matchBytes}`);
  return match;
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
 * About `limit` keys, and the cursor of the next page; null after the last.
 *
 * A page consists of whole SCAN steps, so it may hold slightly more keys than `limit`. If few keys match, it holds
 * fewer, or none.
 */
export async function page(
  store: Store,
  query: ListQuery,
  limit: number,
  cursor: string | null,
): Promise<{ items: string[]; cursor: string | null }> {
  const items = new Set<string>();
  let at = cursor === null ? undefined : decodeCursor(cursor);
  // without a filter, one step of `limit` keys is about one page
  const step = query.match === undefined ? limit : Math.max(limit, 1000);
  for (let seen = 0; seen < PAGE_MAX_SCANNED && items.size < limit; seen += step) {
    const scanned = await store.scan(query.match, step, query.consistency, at);
    if (!scanned) {
      throw new HttpError(410, "the Redis of this cursor is no longer available: start again without a cursor");
    }
    for (const key of scanned.keys) items.add(key);
    at = scanned;
    if (scanned.cursor === "0") return { items: [...items], cursor: null };
  }
  return { items: [...items], cursor: at ? encodeCursor(at) : null };
}

/**
 * All keys, as pieces of a JSON array. Holds one step in memory.
 *
 * If its instance becomes unavailable, the stream restarts on another one. A key may then appear twice, as it may when
 * Redis resizes its hash table. A key that exists throughout is never missing.
 */
export async function* stream(store: Store, query: ListQuery): AsyncGenerator<string> {
  let separator = "[";
  let at: Scanned | undefined;
  for (let restarts = 0; ;) {
    const begin = performance.now();
    const scanned: Scanned | undefined = await store.scan(query.match, STREAM_COUNT, query.consistency, at);
    if (!scanned) {
      if (++restarts > MAX_RESTARTS) throw unavailable("too many Redis instances became unavailable during the list");
      at = undefined;
      continue;
    }
    if (scanned.keys.length > 0) {
      yield separator + JSON.stringify(scanned.keys).slice(1, -1);
      separator = ",";
    }
    if (scanned.cursor === "0") break;
    at = scanned;
    // leave three quarters of the time to other requests
    await new Promise((resolve) => setTimeout(resolve, Math.min(20, PAUSE_FACTOR * (performance.now() - begin))));
  }
  yield separator === "[" ? "[]" : "]";
}
