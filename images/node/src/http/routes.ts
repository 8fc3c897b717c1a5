/** The routes: method and pattern to what is answered. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Admission } from "../admission";
import { HttpError } from "./errors";
import { checkId, checkValue, consistencyOf, LIMITS, readFields, reserveFor } from "./input";
import { checkLimit, checkMatch, page, stream } from "./listing";
import type { Metrics } from "../metrics/metrics";
import { HEAD_BYTES, type Store } from "../redis/store";
import { copiesOf, serverId, statusOf } from "./status";

export interface Reply {
  readonly status: number;
  readonly type: string;
  /** Text, or pieces of it that are sent as they come. */
  readonly body: string | AsyncIterable<string>;
}
export interface Context {
  readonly store: Store;
  readonly metrics: Metrics;
  readonly admission: Admission;
  /** Set once the process was told to stop. */
  readonly isDraining: () => boolean;
}
type Handler = (
  request: IncomingMessage,
  query: string,
  context: Context,
  /** For what must be held until the answer has left; the server sends the answer. */
  response: ServerResponse,
) => Promise<Reply> | Reply;

export interface Route {
  readonly handle: Handler;
  /** Whether it counts as work that can be refused; what keeps the pod alive and seen does not. */
  readonly bounded: boolean;
}

const TEXT = "text/plain; charset=utf-8";
const JSON_TYPE = "application/json";
const text = (body: string, status = 200): Reply => ({ status, type: TEXT, body });
const OK = text("ok");

/** Runs once the answer has left, or the caller has gone. */
const whenClosed = (response: ServerResponse, run: () => void): void =>
  void (response.closed ? run() : response.once("close", run));

/** The id of `?id=…`; the plain case without a parser. */
function idOf(query: string): string {
  return checkId(/^id=[\w.~:-]+$/.test(query) ? query.slice(3) : new URLSearchParams(query).get("id"));
}

async function getItem(
  request: IncomingMessage,
  query: string,
  context: Context,
  response: ServerResponse,
): Promise<Reply> {
  const id = idOf(query);
  const consistency = consistencyOf(request.headers["consistency"]);
  const head = await context.store.head(id, consistency);
  // a character has at most three bytes a UTF-16 unit
  if (head !== "" && (head.length * 3 < HEAD_BYTES || Buffer.byteLength(head) < HEAD_BYTES)) return text(head);
  // empty, missing or large: only the last needs room, held until the caller has it
  if (head !== "") whenClosed(response, context.admission.reserve(LIMITS.valueBytes));
  const value = await context.store.get(id, consistency);
  return value === null ? text("", 404) : text(value);
}

async function postItem(request: IncomingMessage, _: string, context: Context): Promise<Reply> {
  const release = reserveFor(request, context.admission);
  try {
    const { id, val } = await readFields(request);
    await context.store.set(checkId(id), checkValue(val));
    return OK;
  } finally {
    release?.();
  }
}

async function deleteItem(request: IncomingMessage, query: string, { store, admission }: Context): Promise<Reply> {
  if (query !== "" && new URLSearchParams(query).has("id")) {
    await store.delete(idOf(query));
    return OK;
  }
  const release = reserveFor(request, admission);
  try {
    await store.delete(checkId((await readFields(request))["id"]));
    return OK;
  } finally {
    release?.();
  }
}

async function getItems(
  request: IncomingMessage,
  query: string,
  context: Context,
  response: ServerResponse,
): Promise<Reply> {
  const parameters = new URLSearchParams(query);
  const list = {
    match: checkMatch(parameters.get("match")),
    consistency: consistencyOf(request.headers["consistency"]),
  };
  if (parameters.has("limit") || parameters.has("cursor")) {
    const found = await page(context.store, list, checkLimit(parameters.get("limit")), parameters.get("cursor"));
    return json(found);
  }
  whenClosed(response, context.admission.reserveList());
  const pieces = stream(context.store, list);
  // the first piece decides on the status: after it, it is too late for a 503
  const first = await pieces.next();
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

const getCopies: Handler = async (_, query, { store }) => json(await copiesOf(store, idOf(query)));

const getStatus: Handler = (_, __, { store, admission }) => json(statusOf(store, admission));

const getMetrics: Handler = async (_, __, { metrics }) => ({
  status: 200,
  type: metrics.registry.contentType,
  body: await metrics.registry.metrics(),
});

/** Can it serve? Asked before it gets traffic. */
const getReadyz: Handler = (_, __, { store, isDraining }) => {
  const reason = isDraining() ? "stopping" : store.notReadyReason;
  if (reason) throw new HttpError(503, reason);
  return OK;
};

const bounded = (handle: Handler): Route => ({ handle, bounded: true });
const unbounded = (handle: Handler): Route => ({ handle, bounded: false });

/** Path to method to route. Paths are whole, so the path is the route's pattern. */
export const ROUTES: ReadonlyMap<string, ReadonlyMap<string, Route>> = new Map(
  Object.entries({
    "/": { GET: bounded(() => text(`It is working, good job ${serverId} ${Date.now()}`)) },
    "/item": { GET: bounded(getItem), POST: bounded(postItem), DELETE: bounded(deleteItem) },
    "/items": { GET: bounded(getItems) },
    "/copies": { GET: bounded(getCopies) },
    // not counted as work: who watches the load is no load
    "/status": { GET: unbounded(getStatus) },
    "/metrics": { GET: unbounded(getMetrics) },
    // alive as long as it answers at all; a dead Redis is no reason to restart
    "/livez": { GET: unbounded(() => OK) },
    "/readyz": { GET: unbounded(getReadyz) },
  }).map(([path, methods]) => [path, new Map(Object.entries(methods))]),
);
