/** Returns one page of a list of keys. */
import { createHash } from "node:crypto";
import { badRequest, callerLeft, HttpError } from "./errors";
import type { ListQuery } from "./listing";
import { maxStep } from "./match";
import type { Scanned } from "../redis/reads/scanner";
import type { Store } from "../redis/store";

/** A page scans at most about this many keys, however few match. */
const MAX_SCANNED = 20_000;
/**
 * A page ends once it has left out this many keys as returned already. The rest of a step has far fewer; with a forged
 * cursor, a page could otherwise read, hash and leave out as many keys as the largest page scans.
 */
const MAX_LEFT_OUT = 2000;
/** Time after which no new step begins, in ms: a step with an expensive pattern scans few keys. */
const MAX_MS = 1000;
/** Maximum size of a page's keys as JSON, in which a control character takes six bytes. */
const MAX_BYTES = 256 * 1024;
/** Above this size the page ends after the current step, because most of the next one would not fit. */
const ENOUGH_BYTES = MAX_BYTES / 2;
/** SCAN cursors have 64 bits; for a larger number, Redis reports an error. */
const MAX_CURSOR = 2n ** 64n - 1n;

/** Where the next page begins: at a SCAN step, part of which may have been returned already. */
interface Position extends Pick<Scanned, "runId" | "cursor"> {
  /**
   * Of the keys between `cursor` and `until`, those with a hash of at most `after` have been returned. That step used
   * COUNT `count`.
   * @default none
   */
  readonly returned?: { readonly until: string; readonly after: string; readonly count: number } | undefined;
}

/** A cursor contains the run id of its Redis process, because it is meaningless to any other process. */
const encode = ({ runId, cursor, returned }: Position): string =>
  Buffer.from(
    [runId, cursor, ...(returned ? [returned.until, returned.after, returned.count] : [])].join(":"),
  ).toString("base64url");

function decode(text: string): Position {
  const parts = Buffer.from(text, "base64url").toString().split(":");
  const [runId = "", cursor = "", until, after, count] = parts;
  const numbers = [cursor, until ?? "0", count ?? "1"].every(
    (part) => /^\d{1,20}$/.test(part) && BigInt(part) <= MAX_CURSOR,
  );
  const hashes = /^[0-9a-f]{40}$/.test(runId) && (after === undefined || /^[0-9a-f]{32}$/.test(after));
  if (!numbers || !hashes || (parts.length !== 2 && parts.length !== 5))
    throw badRequest("invalid cursor: use one returned by this API");
  return { runId, cursor, returned: until && after ? { until, after, count: Number(count) } : undefined };
}

const hash = (key: string): string => createHash("sha256").update(key).digest("hex").slice(0, 32);

/** The keys of a page, by key, as JSON. */
class Items {
  private readonly found = new Map<string, string>();
  private bytes = 0;
  /** Memory that the keys and their JSON take at most, in bytes: two for each character. */
  memory = 0;

  constructor(private readonly limit: number) {}

  get room(): number {
    return this.bytes < ENOUGH_BYTES ? this.limit - this.found.size : 0;
  }

  has(key: string): boolean {
    return this.found.has(key);
  }

  /**
   * Adds a step's keys; if they do not all fit, only those that come first in the order of their hashes.
   *
   * @returns the hash of the last one added if others were left out
   */
  add(keys: ReadonlySet<string>): string | undefined {
    let longest = 0;
    for (const key of keys) longest += 6 * key.length + 3;
    if (keys.size <= this.limit - this.found.size && longest <= MAX_BYTES - this.bytes) {
      for (const key of keys) this.put(key, JSON.stringify(key));
      return undefined;
    }
    let last: string | undefined;
    for (const { key, hash: at } of [...keys].map((key) => ({ key, hash: hash(key) })).sort(byHash)) {
      const text = JSON.stringify(key);
      const fits = this.found.size < this.limit && this.bytes + Buffer.byteLength(text) < MAX_BYTES;
      // at least one, so that the next page begins later
      if (!fits && last !== undefined) return last;
      this.put(key, text);
      last = at;
    }
    return undefined;
  }

  /** The page as JSON. */
  page(cursor: string | null): string {
    return `{"items":[${[...this.found.values()].join(",")}],"cursor":${JSON.stringify(cursor)}}`;
  }

  private put(key: string, text: string): void {
    this.found.set(key, text);
    this.bytes += Buffer.byteLength(text) + 1;
    this.memory += 2 * (key.length + text.length);
  }
}

/**
 * At most `limit` keys, and the cursor of the next page, as JSON; the cursor is null after the last.
 *
 * A step of SCAN returns whole buckets of Redis' hash table, so it may return more keys than requested. The surplus
 * must stay reachable, even if keys are added or deleted or the table is resized before the next page. So the cursor
 * describes the rest of the step instead of counting its keys: the next page repeats the step and leaves out the keys
 * that are in the same part of the table and come before the last returned one, in the order of their hashes.
 *
 * @param reserve called after each step with the memory that the page takes by then, in bytes; may throw
 */
export async function page(
  store: Store,
  query: ListQuery,
  limit: number,
  from: string | null,
  reserve: (bytes: number) => void,
): Promise<string> {
  const items = new Items(limit);
  const within = (step: number): number => Math.min(Math.max(step, 1), maxStep(query.match));
  let at = from === null ? undefined : decode(from);
  // repeats the previous page's last step, if part of that step has to be left out
  let step = within(at?.returned?.count ?? limit);
  const end = performance.now() + MAX_MS;
  let leftOut = 0;
  const mayGoOn = (seen: number): boolean =>
    seen < MAX_SCANNED && leftOut < MAX_LEFT_OUT && items.room > 0 && performance.now() < end;
  for (let seen = 0; seen === 0 || mayGoOn(seen);) {
    if (query.left()) throw callerLeft();
    const scanned = await store.scan({ ...query, count: step }, at);
    if (!scanned) {
      throw new HttpError(
        410,
        "the Redis instance that issued this cursor is not available for this list: start again without a cursor",
      );
    }
    // a step that reaches further than last time may contain keys that were not returned yet, so none is left out
    const returned = at?.returned && !isBehind(scanned.cursor, at.returned.until) ? at.returned : undefined;
    const fresh = new Set(scanned.keys.filter((key) => !items.has(key) && !(returned && hash(key) <= returned.after)));
    const { runId, cursor } = scanned;
    leftOut += scanned.keys.length - fresh.size;
    const last = items.add(fresh);
    reserve(items.memory);
    if (last !== undefined) {
      const rest = { until: cursor, after: last, count: step };
      return items.page(encode({ runId, cursor: at?.cursor ?? "0", returned: rest }));
    }
    if (cursor === "0") return items.page(null);
    at = { runId, cursor, returned: returned?.until === cursor ? undefined : returned };
    seen += step;
    // few keys were found, and a larger step finds more in the same time
    step = within(query.match === undefined && fresh.size > 0 ? items.room : step * 2);
  }
  return items.page(at ? encode(at) : null);
}

const byHash = (a: { hash: string }, b: { hash: string }): number => (a.hash < b.hash ? -1 : 1);

/**
 * Whether SCAN reaches cursor `a` after cursor `b`; "0" is the end. SCAN increments the cursor with its bits reversed,
 * so the order does not depend on the size of the table.
 */
export function isBehind(a: string, b: string): boolean {
  if (a === b || b === "0") return false;
  return a === "0" || reversed(a) > reversed(b);
}

const reversed = (cursor: string): string => [...BigInt(cursor).toString(2).padStart(64, "0")].reverse().join("");
