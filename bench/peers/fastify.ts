/** Peer: Fastify 5 with node-redis, one client for main and one for a replica. */
import { randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import { createClient } from "@redis/client";
import fastify from "fastify";
import * as c from "./common";

const connect = ({ host, port }: { host: string; port: number }) => {
  const client = createClient({
    url: `redis://${host}:${port}`,
    ...c.login,
    disableOfflineQueue: true,
  });
  client.on("error", () => undefined);
  void client.connect();
  return client;
};
const main = connect(c.main);
const replica = connect(c.config.replicas[0] ?? c.main);
const store = c.plainStore(main, replica, async (client, cursor, match, count) => {
  const found = await client.scan(cursor, { COUNT: count, ...(match === undefined ? {} : { MATCH: match }) });
  return [found.cursor, found.keys];
});

const id = randomUUID();
const metrics = c.metricsWithoutPool();
const app = fastify({ bodyLimit: c.LIMITS.bodyBytes, keepAliveTimeout: 65_000, exposeHeadRoutes: false });
const text = "text/plain; charset=utf-8";
app.addHook("onRequest", (request, reply, done) => {
  const path = request.url.split("?")[0]!;
  reply.header("x-content-type-options", "nosniff").header("cache-control", "no-store");
  if (request.headers.origin) reply.header("access-control-allow-origin", "*");
  if (path.startsWith("/item")) {
    c.admission.enter();
    (request as { entered?: boolean }).entered = true;
  }
  done();
});
app.addHook("onResponse", (request, reply, done) => {
  if ((request as { entered?: boolean }).entered) c.admission.leave();
  metrics.ended(request.method, request.routeOptions.url ?? "other", reply.statusCode, reply.elapsedTime / 1000);
  done();
});
app.removeAllContentTypeParsers();
app.addContentTypeParser("application/json", { parseAs: "string" }, (_, body, done) => {
  try {
    done(null, JSON.parse(body as string));
  } catch {
    done(c.badRequest("the body is not JSON"));
  }
});
app.addContentTypeParser("application/x-www-form-urlencoded", { parseAs: "string" }, (_, body, done) =>
  done(null, Object.fromEntries(new URLSearchParams(body as string))),
);
app.addContentTypeParser("*", (_, payload, done) => {
  payload.resume().once("end", () => done(c.badRequest("content-type must be application/json or a form")));
});

app.get("/", (_, reply) => reply.type(text).send(c.greeting(id)));
app.get<{ Querystring: { id?: string } }>("/item", async (request, reply) => {
  const value = await store.get(c.checkId(request.query.id), c.consistencyOf(request.headers["consistency"]));
  return reply
    .code(value === null ? 404 : 200)
    .type(text)
    .send(value ?? "");
});
app.post("/item", async (request, reply) => {
  const fields = c.fieldsOf(request.body, request.headers["content-type"]);
  await store.set(c.checkId(fields["id"]), c.checkValue(fields["val"]));
  return reply.type(text).send("ok");
});
app.delete<{ Querystring: { id?: string } }>("/item", async (request, reply) => {
  await store.delete(c.checkId(request.query.id ?? c.fieldsOf(request.body, request.headers["content-type"])["id"]));
  return reply.type(text).send("ok");
});
app.get("/items", async (request, reply) => {
  const query = new URL(request.url, "http://x").searchParams;
  const found = await c.list(store, query, c.consistencyOf(request.headers["consistency"]));
  return reply
    .header("content-type", "application/json")
    .send(typeof found === "string" ? Buffer.from(found) : Readable.from(found));
});
app.get("/metrics", async (_, reply) =>
  reply.header("content-type", metrics.registry.contentType).send(await metrics.registry.metrics()),
);
app.get("/livez", (_, reply) => reply.type(text).send("ok"));
app.get("/readyz", (_, reply) =>
  reply
    .code(main.isReady ? 200 : 503)
    .type(text)
    .send("ok"),
);
app.setNotFoundHandler((request, reply) => {
  const path = request.url.split("?")[0]!;
  const allow = Object.hasOwn(c.METHODS, path) ? c.METHODS[path] : undefined;
  if (!allow) throw new c.HttpError(404, `no such route: ${path}`);
  if (request.method !== "OPTIONS") throw new c.HttpError(405, `${path} takes ${allow}`);
  return reply.header("access-control-allow-methods", allow).code(204).send();
});
app.setErrorHandler((error: Error & { code?: string }, _, reply) => {
  const known = error.code === "FST_ERR_CTP_BODY_TOO_LARGE" ? c.tooLarge() : error;
  return reply.code(c.statusOf(known)).send({ error: known.message });
});
void app.listen({ port: c.config.port, host: "0.0.0.0" });
