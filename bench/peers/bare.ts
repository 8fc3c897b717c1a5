/** Peer: plain node:http with the API's replica pool, without the extra features of the API's server. */
import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { withFields } from "../../images/node/src/http/body";
import { Store } from "../../images/node/src/redis/store";
import * as c from "./common";

const store = new Store(c.config);
store.start();
const id = randomUUID();
const metrics = new c.Metrics(c.admission, store, () => 0);
const plain: c.PlainStore = {
  get: async (key, consistency) => (await store.head(key, consistency)) || null,
  set: (key, value) => store.set(key, value),
  delete: (key) => store.delete(key),
  scan: async (cursor, match, count, consistency) => {
    const query = { match, count, strong: consistency === "strong", left: () => false };
    const found = (await store.scan(query, at.get(cursor)))!;
    at.set(found.cursor, found);
    return [found.cursor, found.keys];
  },
};
/** A cursor is valid for one instance only, which the shared list code does not track. */
const at = new Map<string, { runId: string; cursor: string }>();

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, {
    "content-type": type,
    "content-length": Buffer.byteLength(body),
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
  });
  response.end(body);
}
const TEXT = "text/plain; charset=utf-8";

async function answer(request: IncomingMessage, response: ServerResponse, path: string, query: string): Promise<void> {
  const { method } = request;
  if (path === "/item" && method === "GET") {
    const key = c.checkId(new URLSearchParams(query).get("id"));
    const value = await plain.get(key, c.consistencyOf(request.headers["consistency"]));
    return send(response, value === null ? 404 : 200, TEXT, value ?? "");
  }
  if (path === "/item" && method === "POST") {
    await withFields(request, c.admission, ({ id, val }) => store.set(c.checkId(id), c.checkValue(val)));
    return send(response, 200, TEXT, "ok");
  }
  if (path === "/item" && method === "DELETE") {
    const key = new URLSearchParams(query).get("id");
    if (key !== null) await store.delete(c.checkId(key));
    else await withFields(request, c.admission, (fields) => store.delete(c.checkId(fields["id"])));
    return send(response, 200, TEXT, "ok");
  }
  if (path === "/items" && method === "GET") {
    if (at.size > 10_000) at.clear();
    const found = await c.list(plain, new URLSearchParams(query), c.consistencyOf(request.headers["consistency"]));
    if (typeof found === "string") return send(response, 200, "application/json", found);
    response.writeHead(200, { "content-type": "application/json" });
    for await (const piece of found) response.write(piece);
    return void response.end();
  }
  if (path === "/" && method === "GET") return send(response, 200, TEXT, c.greeting(id));
  if (path === "/livez" && method === "GET") return send(response, 200, TEXT, "ok");
  if (path === "/readyz" && method === "GET") return send(response, store.notReadyReason ? 503 : 200, TEXT, "ok");
  if (path === "/metrics" && method === "GET") {
    return send(response, 200, metrics.registry.contentType, await metrics.registry.metrics());
  }
  const allow = Object.hasOwn(c.METHODS, path) ? c.METHODS[path] : undefined;
  if (!allow) throw new c.HttpError(404, `no such route: ${path}`);
  if (method !== "OPTIONS") throw new c.HttpError(405, `${path} takes ${allow}`);
  response.writeHead(204, { "access-control-allow-methods": allow }).end();
}

createServer((request, response) => {
  const begin = performance.now();
  const [path = "/", query = ""] = (request.url ?? "/").split("?", 2);
  if (request.headers.origin) response.setHeader("access-control-allow-origin", "*");
  c.admission.inFlight++;
  void answer(request, response, path, query)
    .catch((error: Error) => {
      send(response, c.statusOf(error), "application/json", JSON.stringify({ error: error.message }));
    })
    .finally(() => {
      c.admission.inFlight--;
      const known = Object.hasOwn(c.METHODS, path);
      metrics.ended(
        request.method ?? "GET",
        known ? path : "other",
        response.statusCode,
        (performance.now() - begin) / 1000,
      );
    });
}).listen(c.config.port);
