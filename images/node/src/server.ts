/** HTTP around the routes: dispatch, cross-origin headers, errors, metrics, connections, graceful stop. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { Admission } from "./admission";
import type { ApiConfig } from "./config";
import { HttpError } from "./errors";
import { log } from "./log";
import { Metrics } from "./metrics/metrics";
import { Store } from "./redis/store";
import { ROUTES, type Context, type Reply, type Route } from "./routes";

/** Longer than a caller keeps idle connections (nginx: 60 s): ours must not end first. */
const KEEP_ALIVE_MS = 65_000;
/** Without any connection for so long after SIGTERM, no route leads here any more. */
const QUIET_MS = 1000;
/** A refused body larger than this is not read to its end, bytes. */
const UNREAD_BYTES = 64 * 1024;
const KNOWN_METHODS = new Set(["GET", "POST", "DELETE", "OPTIONS"]);

export class ApiServer {
  readonly http: Server;
  readonly store: Store;
  private readonly admission: Admission;
  private readonly metrics: Metrics;
  /** Open connections, and when each is to end: ms as performance.now() has it. */
  private readonly connections = new Map<Socket, number>();
  private draining = false;

  constructor(private readonly config: ApiConfig) {
    this.store = new Store(config);
    this.admission = new Admission(config);
    this.metrics = new Metrics(this.admission, this.store, () => this.connections.size);
    this.http = createServer((request, response) => void this.handle(request, response));
    this.http.keepAliveTimeout = KEEP_ALIVE_MS;
    this.http.requestTimeout = 30_000;
    // a kept connection stays with this pod: without an end to it, a new pod would get no work
    this.http.on("connection", (socket: Socket) => {
      this.connections.set(socket, performance.now() + config.connectionAgeMs * (0.5 + Math.random()));
      socket.once("close", () => this.connections.delete(socket));
    });
  }

  /** Listens on all addresses; resolves with the port (useful where 0 was asked for). */
  async start(): Promise<number> {
    this.store.start();
    await new Promise<void>((resolve, reject) => {
      this.http.once("error", reject);
      this.http.listen(this.config.port, () => resolve());
    });
    const address = this.http.address();
    return typeof address === "object" && address ? address.port : this.config.port;
  }

  /**
   * Not ready from now on, but still serving: each answer tells its caller to open its next
   * connection elsewhere. When all have left and none comes, or after `drainMs`, nothing new is accepted; what is
   * in flight is finished, Redis goes last.
   */
  async stop(): Promise<void> {
    this.draining = true;
    const begin = performance.now();
    let lastSeen = begin;
    for (let now = begin; now - begin < this.config.drainMs && now - lastSeen < QUIET_MS; now = performance.now()) {
      if (this.connections.size > 0) lastSeen = now;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await new Promise<void>((resolve) => {
      this.http.close(() => resolve());
      this.http.closeIdleConnections();
    });
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
    let entered = false;
    try {
      if (request.headers.origin !== undefined) this.allowOrigin(request.headers.origin, response);
      if (!methods) throw new HttpError(404, `no such route: ${path.slice(0, 100)}`);
      if (!route) {
        if (method === "OPTIONS") this.preflight(request, response, [...methods.keys()]);
        else {
          const allow = [...methods.keys()].join(", ");
          throw new HttpError(405, `${path} takes ${allow}`, { allow });
        }
      } else {
        if (route.bounded) {
          this.admission.enter();
          entered = true;
        }
        const reply = await this.answer(route, request, mark < 0 ? "" : url.slice(mark + 1), response);
        if (typeof reply.body === "string") this.send(request, response, reply.status, reply.type, reply.body);
        else await this.stream(request, response, reply, reply.body);
      }
    } catch (error) {
      this.fail(request, response, error, path);
    }
    if (entered) this.admission.leave();
    this.metrics.ended(
      route || KNOWN_METHODS.has(method) ? method : "other",
      methods ? path : "other",
      // a caller that went away before its answer saw none
      response.headersSent && !(request.destroyed && !response.writableEnded) ? response.statusCode : 499,
      (performance.now() - begin) / 1000,
    );
  }

  private answer(
    route: Route,
    request: IncomingMessage,
    query: string,
    response: ServerResponse,
  ): Promise<Reply> | Reply {
    const context: Context = {
      store: this.store,
      metrics: this.metrics,
      admission: this.admission,
      isDraining: () => this.draining,
      whenClosed: (run) => void (response.closed ? run() : response.once("close", run)),
    };
    return route.handle(request, query, context);
  }

  /** Whether this answer is the last on its connection. */
  private isLast(request: IncomingMessage): boolean {
    return this.draining || performance.now() > (this.connections.get(request.socket) ?? Infinity);
  }

  private send(
    request: IncomingMessage,
    response: ServerResponse,
    status: number,
    type: string,
    body: string,
    headers: Readonly<Record<string, string>> = {},
  ): void {
    if (response.destroyed) return;
    response.writeHead(status, {
      "content-type": type,
      "content-length": Buffer.byteLength(body),
      "x-content-type-options": "nosniff",
      "cache-control": "no-store",
      ...(this.isLast(request) ? { connection: "close" } : {}),
      ...headers,
    });
    response.end(body);
  }

  /** Sends pieces as fast as the caller takes them. */
  private async stream(
    request: IncomingMessage,
    response: ServerResponse,
    { status, type }: Reply,
    pieces: AsyncIterable<string>,
  ): Promise<void> {
    response.writeHead(status, {
      "content-type": type,
      "x-content-type-options": "nosniff",
      "cache-control": "no-store",
      ...(this.isLast(request) ? { connection: "close" } : {}),
    });
    for await (const piece of pieces) {
      if (response.destroyed) return;
      if (!response.write(piece)) await Promise.race([once(response, "drain"), once(response, "close")]);
    }
    response.end();
  }

  private fail(request: IncomingMessage, response: ServerResponse, error: unknown, path: string): void {
    const known = error instanceof HttpError;
    const status = known ? error.status : 500;
    if (status >= 500 && path !== "/readyz" && !(known && error.quiet)) {
      log(known ? "warn" : "error", "request failed", { status, reason: (error as Error).message });
    }
    // in the middle of a stream there is one way left to say that it failed
    if (response.headersSent) return void response.destroy();
    const body = JSON.stringify({ error: known ? error.message : "internal error" });
    const unread = Number(request.headers["content-length"] ?? 0) > UNREAD_BYTES && !request.complete;
    this.send(request, response, status, "application/json", body, {
      ...(unread ? { connection: "close" } : {}),
      ...(known ? error.headers : {}),
    });
  }

  private allowOrigin(origin: string, response: ServerResponse): void {
    const { allowedOrigins } = this.config;
    if (allowedOrigins.includes("*")) {
      response.setHeader("access-control-allow-origin", "*");
    } else {
      response.setHeader("vary", "Origin");
      if (allowedOrigins.includes(origin)) response.setHeader("access-control-allow-origin", origin);
    }
  }

  private preflight(request: IncomingMessage, response: ServerResponse, methods: string[]): void {
    response.writeHead(204, {
      "access-control-allow-methods": methods.join(", "),
      "access-control-allow-headers": request.headers["access-control-request-headers"] ?? "content-type",
      "access-control-max-age": "86400",
    });
    response.end();
  }
}
