/** The HTTP server around the routes: dispatch, errors, metrics, graceful shutdown. */
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
 * How long startup waits for Redis before the server listens. A readiness probe that fails is repeated seconds later;
 * one that cannot connect is repeated after one second.
 */
const START_WAIT_MS = 500;
/** Requests slower than this are logged. */
const SLOW_MS = 1000;
/** Request ids accepted from callers: safe in a log line. */
const REQUEST_ID = /^[\w.-]{8,64}$/;
function requestId(request: IncomingMessage): string | undefined {
  const given = request.headers["x-request-id"];
  return typeof given === "string" && REQUEST_ID.test(given) ? given : undefined;
}

/** The log fields of a request: its id, method and route, but never its key. */
function requestFields(request: IncomingMessage): Record<string, string | undefined> {
  // the response carries the id as well
  const id = requestId(request) ?? randomUUID();
  request.headers["x-request-id"] = id;
  return { request: id, method: request.method, route: request.url?.replace(/\?.*/, "").slice(0, 100) };
}

/** If a rejected body is larger than this, in bytes, the rest of it is not read. */
const UNREAD_BYTES = 64 * 1024;

/** A caller has this long to send a request's head, ms. */
const HEAD_MS = 5000;

export class ApiServer {
  readonly http: Server;
  readonly store: Store;
  private readonly admission: Admission;
  private readonly metrics: Metrics;
  private readonly connections: Connections;
  private readonly context: Context;

  constructor(private readonly config: ApiConfig) {
    // incomplete heads take memory, up to 16 KB each and several times as much once parsed
    const limits = { headersTimeout: HEAD_MS, connectionsCheckingInterval: HEAD_MS / 2, requestTimeout: 30_000 };
    this.http = createServer(limits, (request, response) => void this.handle(request, response));
    // by default, Node.js silently drops all headers after the first 1,000, which may include `Consistency: strong`;
    // their total size is limited to 16 KB anyway
    this.http.maxHeadersCount = 0;
    this.connections = new Connections(this.http, config.connectionAgeMs, config.maxConnections);
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

  /** Listens on all addresses and resolves with the port (useful if the configured port is 0). */
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

  /**
   * Reports not ready from now on, but serves requests until the connections have drained. Disconnects from Redis last.
   */
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
    const last = this.connections.isLast(request.socket, begin);
    this.connections.endWithConnection(response);
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
        if (typeof reply.body === "string" || Buffer.isBuffer(reply.body))
          this.send(response, last, reply.status, reply.type, reply.body);
        else await this.stream(response, last, reply, reply.body);
      }
    } catch (error) {
      this.fail(request, response, last, error, path);
    }
    if (entered) this.admission.leave();
    const ms = performance.now() - begin;
    // 499: the caller disconnected before it got its response
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
    body: string | Buffer,
    more?: Readonly<Record<string, string>>,
  ): void {
    if (response.destroyed) return;
    // a flat list is the fastest form for node:http
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
    // checked again, because the shutdown may have begun in the meantime
    if (last || this.connections.draining) headers.push("connection", "close");
    return headers;
  }

  /** Sends the pieces with backpressure. */
  private async stream(
    response: ServerResponse,
    last: boolean,
    { status, type }: Reply,
    pieces: AsyncIterable<string>,
  ): Promise<void> {
    // it has been closed already, so a pipeline would wait forever for its close event
    if (response.destroyed) return;
    response.writeHead(status, this.headers(response, type, last));
    try {
      // one chunk in memory, not the default of 16
      await pipeline(Readable.from(pieces, { highWaterMark: 1 }), response);
    } catch (error) {
      // the caller disconnected before or during the response, which is not an error
      const { code } = error as NodeJS.ErrnoException;
      if (code !== "ERR_STREAM_PREMATURE_CLOSE" && code !== "ERR_STREAM_DESTROYED") throw error;
    }
  }

  private fail(request: IncomingMessage, response: ServerResponse, last: boolean, error: unknown, path: string): void {
    const known = toHttpError(error);
    const status = known?.status ?? 500;
    if (status >= 500 && path !== "/readyz" && !known?.quiet) {
      const { message: reason } = known ?? (error as Error);
      log(known ? "warn" : "error", "request failed", { ...requestFields(request), status, reason });
    }
    // once a stream has started, only a broken connection can signal the failure
    if (response.headersSent) return void response.destroy();
    const body = JSON.stringify({ error: known?.message ?? "internal error" });
    const size = request.headers["transfer-encoding"] ? Infinity : Number(request.headers["content-length"] ?? 0);
    // the rest of a late body is not read either
    const unread = !request.complete && (size > UNREAD_BYTES || status === 408);
    this.send(response, last || unread, status, "application/json", body, known?.headers);
  }
}
