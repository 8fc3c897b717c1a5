/** The HTTP server for Prometheus and the probes. */
import { createServer, type Server, type ServerResponse } from "node:http";
import type { Scaler } from "../scaling/scaler";
import { Metrics } from "./metrics";

export class HttpServer {
  private readonly server: Server;
  private readonly metrics: Metrics;

  constructor(private readonly scaler: Scaler) {
    this.metrics = new Metrics(scaler);
    this.server = createServer((request, response) => {
      const path = (request.url ?? "/").replace(/\?.*/, "");
      void this.answer(path, response);
    });
  }

  /** Resolves with the port that the server listens on. */
  async start(port: number): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.server.once("error", reject);
      this.server.listen(port, () => resolve());
    });
    return (this.server.address() as { port: number }).port;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async answer(path: string, response: ServerResponse): Promise<void> {
    const send = (status: number, body: string, type = "text/plain; charset=utf-8") =>
      void response.writeHead(status, { "content-type": type, "cache-control": "no-store" }).end(body);
    const probe = (reason: string | undefined) => send(reason ? 503 : 200, reason ?? "ok");
    if (path === "/livez") probe(this.scaler.hanging);
    else if (path === "/readyz") probe(this.scaler.notReadyReason);
    else if (path === "/metrics") {
      const { registry } = this.metrics;
      send(200, await registry.metrics(), registry.contentType);
    } else send(404, "no such route");
  }
}
