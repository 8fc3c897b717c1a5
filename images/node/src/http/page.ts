/** One page of a list of keys. */
import { createHash } from "node:crypto";
import { badRequest, HttpError } from "./errors";
import type { ListQuery } from "./listing";
import type { Scanned } from "../redis/reads/scanner";
import type { Store } from "../redis/store";

/** A step scans at most about this many keys. */
const MAX_STEP = 1000;
/** A page scans at most about this many keys, however few match. */
const PAGE_MAX_SCANNED = 20_000;

/** Where the next page begins: at a step of SCAN, part of which may have been returned already. */
interface Position extends Pick<Scanned, "runId" | "cursor"> {
  /**
   * Of the keys between `cursor` and `until` those with a hash up to `after` have been returned. The step between them
   * was one of `count` keys.
   * @default none
   */
  readonly returned?: { readonly until: string; readonly after: string; readonly count: number } | undefined;
}

/** A cursor contains the run id of its Redis process, because it is meaningless to any other. */
const encode = ({ runId, cursor, returned }: Position): string =>
  Buffer.from(
    [runId, cursor, ...(returned ? [returned.until, returned.after, returned.count] : [])].join(":"),
  ).toString("base64url");

function decode(text: string): Position {
  const parts = Buffer.from(text, "base64url").toString().split(":");
  const [runId = "", cursor = "", until, after, count] = parts;
  const numbers = [cursor, until ?? "0", count ?? "1"].every((part) => /^\d{1,20}$/.test(part));
  const hashes = /^[0-9a-f]{40}$/.test(runId) && (after === undefined || /^[0-9a-f]{32}$/.test(after));
  if (!numbers || !hashes || (parts.length !== 2 && parts.length !== 5))
    throw badRequest("invalid cursor: use one returned by this API");
  return { runId, cursor, returned: until && after ? { until, after, count: within(Number(count)) } : undefined };
}

const within = (step: number): number => Math.min(Math.max(step, 1), MAX_STEP);

const hash = (key: string): string => createHash("sha256").update(key).digest("hex").slice(0, 32);

/**
 * At most `limit` keys, and the cursor of the next page; null after the last.
 *
 * A step of SCAN returns whole buckets of Redis' hash table, so it may return more keys than requested. The surplus
 * must stay reachable, although keys are added and deleted and the table is resized before the next page. So the rest
 * of a step is described instead of counted: the next page repeats the step and leaves out the keys that are in the
 * same part of the table and come before the last returned one, in the order of their hashes.
 */
export async function page(
  store: Store,
  query: ListQuery,
  limit: number,
  from: string | null,
): Promise<{ items: string[]; cursor: string | null }> {
  const items = new Set<string>();
  let at = from === null ? undefined : decode(from);
  // the same step as last time, if part of it must be left out
  let step = at?.returned?.count ?? limit;
  for (let seen = 0; seen < PAGE_MAX_SCANNED && items.size < limit;) {
    const scanned = await store.scan({ ...query, count: step }, at);
    if (!scanned) {
      throw new HttpError(
        410,
        "the Redis instance that issued this cursor is not available for this list: start again without a cursor",
      );
    }
    // a step that reaches further than last time may contain keys that were not returned yet, so none is left out
    const returned = at?.returned && !isBehind(scanned.cursor, at.returned.until) ? at.returned : undefined;
    const fresh = scanned.keys.filter((key) => !items.has(key) && !(returned && hash(key) <= returned.after));
    const { runId, cursor } = scanned;
    if (items.size + fresh.length > limit) {
      const sorted = [...new Set(fresh)].map((key) => ({ key, hash: hash(key) })).sort(byHash);
      const taken = sorted.slice(0, limit - items.size);
      for (const { key } of taken) items.add(key);
      if (taken.length < sorted.length) {
        const rest = { until: cursor, after: taken.at(-1)!.hash, count: step };
        return { items: [...items], cursor: encode({ runId, cursor: at?.cursor ?? "0", returned: rest }) };
      }
    } else for (const key of fresh) items.add(key);
    if (cursor === "0") return { items: [...items], cursor: null };
    at = { runId, cursor, returned: returned?.until === cursor ? undefined : returned };
    seen += step;
    // few keys matched: a larger step finds more in the same time
    step = query.match === undefined && fresh.length > 0 ? limit - items.size : within(step * 2);
  }
  return { items: [...items], cursor: at ? encode(at) : null };
}

const byHash = (a: { hash: string }, b: { hash: string }): number => (a.hash < b.hash ? -1 : 1);

/**
 * Whether SCAN reaches cursor `a` after cursor `b`; "0" is the end. It counts in the reversed bits of its cursor, so
 * that the order is the same whatever the size of the table.
 */
export function isBehind(a: string, b: string): boolean {
  if (a === b || b === "0") return false;
  return a === "0" || reversed(a) > reversed(b);
}

const reversed = (cursor: string): string => [...BigInt(cursor).toString(2).padStart(64, "0")].reverse().join("");
