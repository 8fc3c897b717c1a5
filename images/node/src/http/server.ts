/** HTTP around the routes: dispatch, cross-origin headers, errors, metrics, connections, graceful stop. */
import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Admission } from "../admission";
import type { ApiConfig } from "../config";
import { Connections } from "./connections";
import { allowOrigin, answerPreflight } from "./cors";
import { HttpError, toHttpError } from "./errors";
import { log } from "../log";
import { Metrics } from "../metrics/metrics";
import { Store } from "../redis/store";
import { ROUTES, type Context, type Reply } from "./routes";

/**
 * A start waits so long for Redis before it listens. A probe that comes a moment too early is answered
 * "not ready", and the next one comes seconds later; one that finds nobody listening comes again in one.
 */
const START_WAIT_MS = 500;
/** A request that takes longer is named in the log. */
const SLOW_MS = 1000;
/** Ids that are taken over from a caller: what a log line can hold without harm. */
const REQUEST_ID = /^[\w.-]{8,64}$/;
/** The id that a request came with, if it is one. */
function requestId(request: IncomingMessage): string | undefined {
  const given = request.headers["x-request-id"];
  return typeof given === "string" && REQUEST_ID.test(given) ? given : undefined;
}
/** A request as the log names it: its id, method and route, never its key. */
function requestFields(request: IncomingMessage): Record<string, string | undefined> {
  // the answer tells it too: from here on it has one
  const id = requestId(request) ?? randomUUID();
  request.headers["x-request-id"] = id;
  return { request: id, method: request.method, route: request.url?.replace(/\?.*/, "").slice(0, 100) };
}
/** A refused body larger than this is not read to its end, bytes. */
const UNREAD_BYTES = 64 * 1024;

export class ApiServer {
  readonly http: Server;
  readonly store: Store;
  private readonly admission: Admission;
  private readonly metrics: Metrics;
  private readonly connections: Connections;
  private readonly context: Context;

  constructor(private readonly config: ApiConfig) {
    this.http = createServer((request, response) => void this.handle(request, response));
    this.http.requestTimeout = 30_000;
    this.connections = new Connections(this.http, config.connectionAgeMs);
    this.store = new Store(config);
    this.admission = new Admission(config);
    this.metrics = new Metrics(this.admission, this.store, () => this.connections.count);
    this.context = {
      store: this.store,
      metrics: this.metrics,
      admission: this.admission,
      isDraining: () => this.connections.draining,
    };
  }

  /** Listens on all addresses; resolves with the port (useful where 0 was asked for). */
  async start(): Promise<number> {
    this.store.start();
    await this.store.whenReady(START_WAIT_MS);
    await new Promise<void>((resolve, reject) => {
      this.http.once("error", reject);
      this.http.listen(this.config.port, () => resolve());
    });
    const address = this.http.address();
    return typeof address === "object" && address ? address.port : this.config.port;
  }

  /** Not ready from now on, but still serving until its callers have left: {@link Connections.drain}. Redis goes last. */
  async stop(): Promise<void> {
    await this.connections.drain(this.config.drainMs);
    this.metrics.stop();
    await this.store.stop();
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const begin = performance.now();
    const method = request.method ?? "GET";
    const url = request.url ?? "/";
    const mark = url.indexOf("?");
    const path = mark < 0 ? url : url.slice(0, mark);
    const methods = ROUTES.get(path);
    const route = methods?.get(method);
    // whether this answer is the last on its connection
    const last = this.connections.isLast(request.socket, begin);
    let entered = false;
    try {
      const { origin } = request.headers;
      if (origin !== undefined) allowOrigin(this.config.allowedOrigins, origin, response);
      if (!methods) throw new HttpError(404, `no such route: ${path.slice(0, 100)}`);
      if (!route) {
        if (method === "OPTIONS") answerPreflight(request, response, [...methods.keys()]);
        else {
          const allow = [...methods.keys()].join(", ");
          throw new HttpError(405, `${path} takes ${allow}`, { allow });
        }
      } else {
        if (route.bounded) {
          this.admission.enter();
          entered = true;
        }
        const query = mark < 0 ? "" : url.slice(mark + 1);
        const reply = await route.handle(request, query, this.context, response);
        if (typeof reply.body === "string") this.send(response, last, reply.status, reply.type, reply.body);
        else await this.stream(response, last, reply, reply.body);
      }
    } catch (error) {
      this.fail(request, response, last, error, path);
    }
    if (entered) this.admission.leave();
    const ms = performance.now() - begin;
    // a caller that went away before its answer saw none
    const status = response.headersSent && !(request.destroyed && !response.writableEnded) ? response.statusCode : 499;
    this.metrics.ended(method, methods ? path : "other", status, ms / 1000);
    if (ms > SLOW_MS && route?.bounded) {
      log("warn", "request slow", { ...requestFields(request), status, ms: Math.round(ms) });
    }
  }

  private send(
    response: ServerResponse,
    last: boolean,
    status: number,
    type: string,
    body: string,
    more?: Readonly<Record<string, string>>,
  ): void {
    if (response.destroyed) return;
    // a flat list: node:http writes it as it is
    const headers = this.headers(response, type, last);
    headers.push("content-length", String(Buffer.byteLength(body)));
    if (more) headers.push(...Object.entries(more).flat());
    response.writeHead(status, headers);
    response.end(body);
  }

  private headers({ req }: ServerResponse, type: string, last: boolean): string[] {
    const headers = ["content-type", type, "x-content-type-options", "nosniff", "cache-control", "no-store"];
    const id = requestId(req);
    if (id) headers.push("x-request-id", id);
    // looked at again: the stop may have come since
    if (last || this.connections.draining) headers.push("connection", "close");
    return headers;
  }

  /** Sends pieces as fast as the caller takes them. */
  private async stream(
    response: ServerResponse,
    last: boolean,
    { status, type }: Reply,
    pieces: AsyncIterable<string>,
  ): Promise<void> {
    response.writeHead(status, this.headers(response, type, last));
    try {
      await pipeline(Readable.from(pieces), response);
    } catch (error) {
      // the caller went away: nobody is left to be told
      if ((error as NodeJS.ErrnoException).code !== "ERR_STREAM_PREMATURE_CLOSE") throw error;
    }
  }

  private fail(request: IncomingMessage, response: ServerResponse, last: boolean, error: unknown, path: string): void {
    const known = toHttpError(error);
    const status = known?.status ?? 500;
    if (status >= 500 && path !== "/readyz" && !known?.quiet) {
      const { message: reason } = known ?? (error as Error);
      log(known ? "warn" : "error", "request failed", { ...requestFields(request), status, reason });
    }
    // in the middle of a stream there is one way left to say that it failed
    if (response.headersSent) return void response.destroy();
    const body = JSON.stringify({ error: known?.message ?? "internal error" });
    const size = request.headers["transfer-encoding"] ? Infinity : Number(request.headers["content-length"] ?? 0);
    const unread = size > UNREAD_BYTES && !request.complete;
    this.send(response, last || unread, status, "application/json", body, known?.headers);
  }
}
