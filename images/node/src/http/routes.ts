/** The API's routes. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Admission, ShedReason } from "../admission";
import { withFields } from "./body";
import { callerLeft, HttpError } from "./errors";
import { queryParameter } from "./fields";
import { checkId, checkValue, consistencyOf, LIMITS } from "./input";
import { checkLimit, stream, STREAM_BYTES, whileRead } from "./listing";
import { checkMatch } from "./match";
import type { Metrics } from "../metrics/metrics";
import { NoTurn } from "../redis/reads/bulk-connection";
import { HEAD_BYTES, type Store } from "../redis/store";
import { page } from "./page";
import { copiesOf, serverId, statusOf } from "./status";

export interface Reply {
  readonly status: number;
  readonly type: string;
  /** Text, bytes, or a stream of pieces. */
  readonly body: string | Buffer | AsyncIterable<string>;
}
export interface Context {
  readonly store: Store;
  readonly metrics: Metrics;
  readonly admission: Admission;
  readonly isDraining: () => boolean;
}
type Handler = (
  request: IncomingMessage,
  query: string,
  context: Context,
  /** Only for releasing resources once the response closes; the server sends it. */
  response: ServerResponse,
) => Promise<Reply> | Reply;

export interface Route {
  readonly handle: Handler;
  /** Whether admission control applies; it does not apply to probes and monitoring. */
  readonly bounded: boolean;
}

const TEXT = "text/plain; charset=utf-8";
const JSON_TYPE = "application/json";
const text = (body: string, status = 200): Reply => ({ status, type: TEXT, body });
const OK = text("ok");

/** Runs once the response has been sent or the caller has disconnected. */
const whenClosed = (response: ServerResponse, run: () => void): void =>
  void (response.closed || response.destroyed ? run() : response.once("close", run));

/** Counts a request as shed if it never got its turn. */
const shed =
  (admission: Admission, reason: ShedReason) =>
  (error: unknown): never => {
    throw error instanceof NoTurn ? admission.overloaded(reason) : error;
  };

/** Responses below this size, in bytes, reserve no memory. */
const SMALL_BYTES = 16 * 1024;
/** Time within which a large response must be read, in ms, because other requests need its memory. */
const READ_MS = 30_000;

function closeUnlessRead(response: ServerResponse): void {
  const timer = setTimeout(() => response.destroy(), READ_MS);
  whenClosed(response, () => clearTimeout(timer));
}

/**
 * Reserves memory for a large response while `read` runs, and until the response has been sent: data requested from
 * Redis takes memory even if the caller has disconnected.
 */
async function reserved<T>(
  response: ServerResponse,
  admission: Admission,
  bytes: number,
  read: () => T | Promise<T>,
): Promise<T> {
  const release = admission.memory.reserve(bytes);
  closeUnlessRead(response);
  try {
    return await read();
  } finally {
    whenClosed(response, release);
  }
}

/** The id in `?id=…`. In the common case, no parser is needed. */
function idOf(query: string): string {
  return checkId(/^id=[\w.~:-]+$/.test(query) ? query.slice(3) : queryParameter(query, "id"));
}

async function getItem(
  request: IncomingMessage,
  query: string,
  { store, admission }: Context,
  response: ServerResponse,
): Promise<Reply> {
  const id = idOf(query);
  const consistency = consistencyOf(request.headers["consistency"]);
  const head = await store.head(id, consistency);
  // a UTF-16 unit has at most three bytes in UTF-8
  if (head !== "" && (head.length * 3 < HEAD_BYTES || Buffer.byteLength(head) < HEAD_BYTES)) return text(head);
  // a key that exists now may have been set since, to a value of any size
  if (head === "" && !(await store.exists(id, consistency))) return text("", 404);
  const left = () => response.destroyed;
  if (left()) throw callerLeft();
  const value = await reserved(response, admission, LIMITS.valueBytes, () =>
    store.large(id, consistency, left).catch(shed(admission, "bytes")),
  );
  return value === null ? text("", 404) : { status: 200, type: TEXT, body: value };
}

async function postItem(request: IncomingMessage, _: string, { store, admission }: Context): Promise<Reply> {
  await withFields(request, admission, ({ id, val }) => store.set(checkId(id), checkValue(val)));
  return OK;
}

async function deleteItem(request: IncomingMessage, query: string, { store, admission }: Context): Promise<Reply> {
  if (query !== "" && queryParameter(query, "id") !== null) await store.delete(idOf(query));
  else await withFields(request, admission, ({ id }) => store.delete(checkId(id)));
  return OK;
}

async function getItems(
  request: IncomingMessage,
  query: string,
  { store, admission }: Context,
  response: ServerResponse,
): Promise<Reply> {
  const [asked, cursor] = [queryParameter(query, "limit"), queryParameter(query, "cursor")];
  const list = {
    match: checkMatch(queryParameter(query, "match")),
    strong: consistencyOf(request.headers["consistency"]) === "strong",
    left: () => response.destroyed,
  };
  if (asked !== null || cursor !== null) {
    const limit = checkLimit(asked);
    const memory = admission.memory.body(() => undefined);
    whenClosed(response, () => memory.release());
    const reserve = (bytes: number) => void (bytes >= SMALL_BYTES && memory.grow(bytes));
    const read = () => page(store, list, limit, cursor, reserve).catch(shed(admission, "lists"));
    const body = await (list.match === undefined ? read() : admission.whileMatching(read));
    if (body.length >= SMALL_BYTES) closeUnlessRead(response);
    return { status: 200, type: JSON_TYPE, body };
  }
  whenClosed(response, admission.reserveList());
  const release = admission.memory.reserve(STREAM_BYTES);
  const pieces = whileRead(stream(store, list), () => response.destroy());
  whenClosed(response, () => {
    release();
    // if the response has not begun yet, nothing else stops the list
    void pieces.return(undefined);
  });
  // wait for the first piece: once it is sent, a 503 is no longer possible
  const first = await pieces.next().catch(shed(admission, "lists"));
  return {
    status: 200,
    type: JSON_TYPE,
    body: (async function* () {
      if (!first.done) yield first.value;
      yield* pieces;
    })(),
  };
}

const json = (value: object): Reply => ({ status: 200, type: JSON_TYPE, body: JSON.stringify(value) });

const getCopies: Handler = async (_, query, { store, admission }) => {
  const id = idOf(query);
  // the beginning of each instance's value, with up to two bytes for each character
  const release = admission.memory.reserve(2 * HEAD_BYTES * (1 + store.pool.all.length));
  try {
    return json(await copiesOf(store, id));
  } finally {
    release();
  }
};

const getStatus: Handler = (_, __, { store, admission }) => json(statusOf(store, admission));

/** `?name[]=…` selects metrics by name, as in Prometheus' Java client. */
const getMetrics: Handler = async (_, query, { metrics }) => ({
  status: 200,
  type: metrics.registry.contentType,
  body: await metrics.text(query === "" ? [] : new URLSearchParams(query).getAll("name[]")),
});

const getReadyz: Handler = (_, __, { store, isDraining }) => {
  const reason = isDraining() ? "stopping" : store.notReadyReason;
  if (reason) throw new HttpError(503, reason);
  return OK;
};

const bounded = (handle: Handler): Route => ({ handle, bounded: true });
const unbounded = (handle: Handler): Route => ({ handle, bounded: false });

/** The routes by path and method. Paths have no parameters, so a path is also its pattern in metrics. */
export const ROUTES: ReadonlyMap<string, ReadonlyMap<string, Route>> = new Map(
  Object.entries({
    "/": { GET: bounded(() => text(`It is working, good job ${serverId} ${Date.now()}`)) },
    "/item": { GET: bounded(getItem), POST: bounded(postItem), DELETE: bounded(deleteItem) },
    "/items": { GET: bounded(getItems) },
    "/copies": { GET: bounded(getCopies) },
    // monitoring must not count as load
    "/status": { GET: unbounded(getStatus) },
    "/metrics": { GET: unbounded(getMetrics) },
    // an unavailable Redis is no reason to restart the API
    "/livez": { GET: unbounded(() => OK) },
    "/readyz": { GET: unbounded(getReadyz) },
  }).map(([path, methods]) => [path, new Map(Object.entries(methods))]),
);
