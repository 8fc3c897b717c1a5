/** The keys: a page at a time, or all of them as a stream. */
import { badRequest, HttpError, unavailable } from "./errors";
import type { Consistency, Scanned, Store } from "../redis/store";

export const PAGE = { default: 100, max: 1000, matchBytes: 1024 } as const;
/** Keys that one step of a stream looks at: small, so that others are answered in between. */
const STREAM_COUNT = 250;
/** A stream rests for so many times as long as a step took: others' answers come first. */
const PAUSE_FACTOR = 3;
/** Keys that a page looks at before it is given as it is, however few match. */
const PAGE_MAX_SCANNED = 20_000;
/** A stream whose instance goes away begins anew on another one, at most this often. */
const MAX_RESTARTS = 3;

/** A page's cursor names the instance that it belongs to: to any other it means nothing. */
export const encodeCursor = ({ runId, cursor }: Pick<Scanned, "runId" | "cursor">): string =>
  Buffer.from(`${runId}:${cursor}`).toString("base64url");

export function decodeCursor(text: string): Pick<Scanned, "runId" | "cursor"> {
  const [, runId, cursor] = /^([0-9a-f]{40}):(\d{1,20})$/.exec(Buffer.from(text, "base64url").toString()) ?? [];
  if (!runId || !cursor) throw badRequest("cursor is none that this API gave");
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
 * About `limit` keys, and the cursor of those that follow; null after the last.
 *
 * A page is made of whole steps of SCAN: it may hold some more than `limit`, and, where few keys
 * match, fewer, even none.
 */
export async function page(
  store: Store,
  query: ListQuery,
  limit: number,
  cursor: string | null,
): Promise<{ items: string[]; cursor: string | null }> {
  const items = new Set<string>();
  let at = cursor === null ? undefined : decodeCursor(cursor);
  // where all keys count, a step of the page's size is about the page
  const step = query.match === undefined ? limit : Math.max(limit, 1000);
  for (let seen = 0; seen < PAGE_MAX_SCANNED && items.size < limit; seen += step) {
    const scanned = await store.scan(query.match, step, query.consistency, at);
    if (!scanned) throw new HttpError(410, "the Redis that this cursor belongs to is gone: begin again without cursor");
    for (const key of scanned.keys) items.add(key);
    at = scanned;
    if (scanned.cursor === "0") return { items: [...items], cursor: null };
  }
  return { items: [...items], cursor: at ? encodeCursor(at) : null };
}

/**
 * All keys, in pieces of a JSON array. Never more than one step in memory.
 *
 * Should its instance go away, it begins anew on another one: then, and where Redis' table of keys
 * is resized meanwhile, a key may come twice. One that is there all the time never fails to come.
 */
export async function* stream(store: Store, query: ListQuery): AsyncGenerator<string> {
  let separator = "[";
  let at: Scanned | undefined;
  for (let restarts = 0; ;) {
    const begin = performance.now();
    const scanned: Scanned | undefined = await store.scan(query.match, STREAM_COUNT, query.consistency, at);
    if (!scanned) {
      if (++restarts > MAX_RESTARTS) throw unavailable("the Redis that was read from went away again and again");
      at = undefined;
      continue;
    }
    if (scanned.keys.length > 0) {
      yield separator + JSON.stringify(scanned.keys).slice(1, -1);
      separator = ",";
    }
    if (scanned.cursor === "0") break;
    at = scanned;
    // three quarters of the time belong to others
    await new Promise((resolve) => setTimeout(resolve, Math.min(20, PAUSE_FACTOR * (performance.now() - begin))));
  }
  yield separator === "[" ? "[]" : "]";
}
