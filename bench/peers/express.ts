/** Peer: Express 5 with ioredis, one connection to main and one to a replica. */
import { randomUUID } from "node:crypto";
import express, { type NextFunction, type Request, type Response } from "express";
import { Redis } from "ioredis";
import * as c from "./common";

const connect = ({ host, port }: { host: string; port: number }) =>
  new Redis({ host, port, ...c.login, commandTimeout: 1000 });
const main = connect(c.main);
const replica = connect(c.config.replicas[0] ?? c.main);
const store = c.plainStore(main, replica, (client, cursor, match, count) =>
  match === undefined ? client.scan(cursor, "COUNT", count) : client.scan(cursor, "MATCH", match, "COUNT", count),
);

const id = randomUUID();
const metrics = c.metricsWithoutPool();
const app = express();
app.disable("x-powered-by");
app.disable("etag");
app.use((request, response, next) => {
  const begin = performance.now();
  const known = Object.hasOwn(c.METHODS, request.path);
  let entered = false;
  response.once("close", () => {
    if (entered) c.admission.leave();
    metrics.ended(
      request.method,
      known ? request.path : "other",
      response.statusCode,
      (performance.now() - begin) / 1000,
    );
  });
  if (request.headers.origin) response.setHeader("access-control-allow-origin", "*");
  response.setHeader("x-content-type-options", "nosniff");
  response.setHeader("cache-control", "no-store");
  if (request.path.startsWith("/item")) {
    c.admission.enter();
    entered = true;
  }
  next();
});
app.use(express.json({ limit: c.LIMITS.bodyBytes, strict: false }));
app.use(express.urlencoded({ limit: c.LIMITS.bodyBytes, extended: false }));

app.get("/", (_, response) => void response.type("text/plain").send(c.greeting(id)));
app.get("/item", async (request, response) => {
  const value = await store.get(c.checkId(request.query["id"]), c.consistencyOf(request.headers["consistency"]));
  response
    .status(value === null ? 404 : 200)
    .type("text/plain")
    .send(value ?? "");
});
app.post("/item", async (request, response) => {
  const fields = c.fieldsOf(request.body, request.headers["content-type"]);
  await store.set(c.checkId(fields["id"]), c.checkValue(fields["val"]));
  response.type("text/plain").send("ok");
});
app.delete("/item", async (request, response) => {
  const key = request.query["id"] ?? c.fieldsOf(request.body, request.headers["content-type"])["id"];
  await store.delete(c.checkId(key));
  response.type("text/plain").send("ok");
});
app.get("/items", async (request, response) => {
  const query = new URL(request.url, "http://x").searchParams;
  const found = await c.list(store, query, c.consistencyOf(request.headers["consistency"]));
  response.setHeader("content-type", "application/json");
  if (typeof found === "string") return void response.end(found);
  for await (const piece of found) response.write(piece);
  response.end();
});
app.get("/metrics", async (_, response) => {
  response.setHeader("content-type", metrics.registry.contentType);
  response.end(await metrics.registry.metrics());
});
app.get("/livez", (_, response) => void response.type("text/plain").send("ok"));
app.get(
  "/readyz",
  (_, response) =>
    void response
      .status(main.status === "ready" ? 200 : 503)
      .type("text/plain")
      .send("ok"),
);
app.use((request: Request, response: Response) => {
  const allow = Object.hasOwn(c.METHODS, request.path) ? c.METHODS[request.path] : undefined;
  if (!allow) throw new c.HttpError(404, `no such route: ${request.path}`);
  if (request.method !== "OPTIONS") throw new c.HttpError(405, `${request.path} takes ${allow}`);
  response.setHeader("access-control-allow-methods", allow);
  response.status(204).end();
});
app.use((error: Error & { status?: number; type?: string }, _: Request, response: Response, __: NextFunction) => {
  const known =
    error.type === "entity.too.large"
      ? c.tooLarge()
      : error.type === "entity.parse.failed"
        ? c.badRequest("the body is not JSON")
        : error;
  response.status(c.statusOf(known)).json({ error: known.message });
});
app.listen(c.config.port);
