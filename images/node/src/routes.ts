/** The routes: method and pattern to what is answered. */
import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { HttpError } from "./errors";
import { checkId, checkValue, readFields } from "./input";
import type { Metrics } from "./metrics";
import type { Store } from "./store";

export interface Reply {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}
export interface Context {
  readonly store: Store;
  readonly metrics: Metrics;
  /** Set once the process was told to stop. */
  readonly isDraining: () => boolean;
}
type Handler = (request: IncomingMessage, query: URLSearchParams, context: Context) => Promise<Reply> | Reply;

const TEXT = "text/plain; charset=utf-8";
const text = (body: string, status = 200): Reply => ({ status, type: TEXT, body });
const OK = text("ok");

/** Names this process in answers, so that a caller sees which server it was. */
const serverId = randomUUID();

async function getItem(_: IncomingMessage, query: URLSearchParams, { store }: Context): Promise<Reply> {
  const value = await store.get(checkId(query.get("id")));
  return value === null ? text("", 404) : text(value);
}

async function postItem(request: IncomingMessage, _: URLSearchParams, { store }: Context): Promise<Reply> {
  const { id, val } = await readFields(request);
  await store.set(checkId(id), checkValue(val));
  return OK;
}

async function deleteItem(request: IncomingMessage, query: URLSearchParams, { store }: Context): Promise<Reply> {
  const id = query.has("id") ? query.get("id") : (await readFields(request))["id"];
  await store.delete(checkId(id));
  return OK;
}

const getItems: Handler = async (_, __, { store }) => ({
  status: 200,
  type: "application/json",
  body: JSON.stringify(await store.keys()),
});

const getMetrics: Handler = async (_, __, { metrics }) => ({
  status: 200,
  type: metrics.registry.contentType,
  body: await metrics.registry.metrics(),
});

/** Can it serve? Asked before it gets traffic. */
const getReadyz: Handler = (_, __, { store, isDraining }) => {
  const reason = isDraining() ? "stopping" : store.trouble;
  if (reason) throw new HttpError(503, reason);
  return OK;
};

/** Path to method to handler. Paths are whole, so the path is the route's pattern. */
export const ROUTES: Readonly<Record<string, Readonly<Record<string, Handler>>>> = {
  "/": { GET: () => text(`It is working, good job ${serverId} ${Date.now()}`) },
  "/item": { GET: getItem, POST: postItem, DELETE: deleteItem },
  "/items": { GET: getItems },
  "/metrics": { GET: getMetrics },
  // alive as long as it answers at all; a dead Redis is no reason to restart
  "/livez": { GET: () => OK },
  "/readyz": { GET: getReadyz },
};
