/** HTTP around the routes: dispatch, cross-origin headers, errors, metrics, graceful stop. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { ApiConfig } from "./config";
import { HttpError } from "./errors";
import { log } from "./log";
import { Metrics } from "./metrics";
import { ROUTES, type Reply } from "./routes";
import { Store } from "./store";

/** nginx keeps idle connections for 60 s; ours must not end first. */
const KEEP_ALIVE_MS = 65_000;

export class ApiServer {
  readonly http: Server;
  private readonly store: Store;
  private readonly metrics = new Metrics();
  private draining = false;

  constructor(private readonly config: ApiConfig) {
    this.store = new Store(config);
    this.http = createServer((request, response) => void this.handle(request, response));
    this.http.keepAliveTimeout = KEEP_ALIVE_MS;
    this.http.requestTimeout = 30_000;
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

  /** Finishes what is in flight, then closes Redis. */
  async stop(): Promise<void> {
    this.draining = true;
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
    const methods = Object.hasOwn(ROUTES, path) ? ROUTES[path] : undefined;
    this.metrics.started();
    // once, whether the answer was sent or the caller went away
    response.once("close", () => {
      this.metrics.ended(
        methods && (Object.hasOwn(methods, method) || method === "OPTIONS") ? method : "other",
        methods ? path : "other",
        response.headersSent ? response.statusCode : 499,
        (performance.now() - begin) / 1000,
      );
    });
    this.allowOrigin(request, response);
    try {
      if (!methods) throw new HttpError(404, `no such route: ${path.slice(0, 100)}`);
      if (method === "OPTIONS") return void this.preflight(request, response, Object.keys(methods));
      const handler = Object.hasOwn(methods, method) ? methods[method] : undefined;
      if (!handler)
        throw new HttpError(405, `${path} takes ${Object.keys(methods).join(", ")}`, {
          allow: Object.keys(methods).join(", "),
        });
      const query = new URLSearchParams(mark < 0 ? "" : url.slice(mark + 1));
      this.send(
        response,
        await handler(request, query, { store: this.store, metrics: this.metrics, isDraining: () => this.draining }),
      );
    } catch (error) {
      this.fail(response, error, path);
    }
  }

  private send(response: ServerResponse, reply: Reply, headers: Readonly<Record<string, string>> = {}): void {
    if (response.destroyed) return;
    // looked at when the answer goes out: a request may have come before the stop
    if (this.draining) response.setHeader("connection", "close");
    response.writeHead(reply.status, {
      "content-type": reply.type,
      "content-length": Buffer.byteLength(reply.body),
      "x-content-type-options": "nosniff",
      "cache-control": "no-store",
      ...headers,
    });
    response.end(reply.body);
  }

  private fail(response: ServerResponse, error: unknown, path: string): void {
    const known = error instanceof HttpError;
    const status = known ? error.status : 500;
    if (status >= 500 && path !== "/readyz") {
      log(known ? "warn" : "error", "request failed", { status, reason: (error as Error).message });
    }
    const body = JSON.stringify({ error: known ? error.message : "internal error" });
    this.send(response, { status, type: "application/json", body }, known ? error.headers : {});
  }

  private allowOrigin(request: IncomingMessage, response: ServerResponse): void {
    const origin = request.headers.origin;
    if (!origin) return;
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
