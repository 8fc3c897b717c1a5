/** A fake Kubernetes API that serves EndpointSlices: list and watch. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EndpointSlice } from "../../src/discovery/endpoint-slices";

/** A slice; its endpoints are ready unless conditions are given. */
export const slice = (port: number, ...endpoints: [string, string, object?][]): EndpointSlice => ({
  addressType: "IPv4",
  ports: [{ port }],
  endpoints: endpoints.map(([name, address, conditions = { ready: true }]) => ({
    addresses: [address],
    conditions,
    targetRef: { name },
  })),
});

export class FakeKubernetes {
  readonly dir = mkdtempSync(join(tmpdir(), "api-"));
  /** Status of all responses, if not 200. */
  refuse: number | undefined;
  readonly requests: { readonly path: string; readonly token: string | undefined }[] = [];
  private readonly slices = new Map<string, EndpointSlice>();
  private readonly watchers = new Set<ServerResponse>();
  private server: Server | undefined;
  private version = 1;

  async start(port = 0): Promise<this> {
    writeFileSync(join(this.dir, "token"), "token-1");
    this.server = createServer((request, response) => {
      const url = new URL(request.url ?? "/", "http://localhost");
      this.requests.push({ path: url.pathname + url.search, token: request.headers.authorization });
      if (this.refuse) return void response.writeHead(this.refuse).end("{}");
      if (url.searchParams.get("watch") !== "true") {
        const items = [...this.slices.values()];
        return void response.end(JSON.stringify({ metadata: { resourceVersion: String(this.version) }, items }));
      }
      response.writeHead(200, { "content-type": "application/json" });
      response.flushHeaders();
      this.watchers.add(response);
      response.once("close", () => this.watchers.delete(response));
    }).listen(port, "127.0.0.1");
    await new Promise((resolve) => this.server!.once("listening", resolve));
    return this;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server!.address() as { port: number }).port}`;
  }

  get watching(): number {
    return this.watchers.size;
  }

  get env(): Record<string, string> {
    return {
      REDIS_REPLICAS_WATCH: "test/replicas",
      KUBERNETES_API_URL: this.url,
      KUBERNETES_CREDENTIALS_DIR: this.dir,
    };
  }

  put(name: string, slice: Omit<EndpointSlice, "metadata">): void {
    const type = this.slices.has(name) ? "MODIFIED" : "ADDED";
    const object = { ...slice, metadata: { name, resourceVersion: String(++this.version) } };
    this.slices.set(name, object);
    this.send({ type, object });
  }

  remove(name: string): void {
    const object = this.slices.get(name);
    this.slices.delete(name);
    this.version++;
    if (object) this.send({ type: "DELETED", object });
  }

  send(event: unknown): void {
    for (const response of this.watchers) response.write(`${JSON.stringify(event)}\n`);
  }

  /** Ends all watches, as the real API does when they time out. */
  endWatches(how: "end" | "destroy" = "end"): void {
    for (const response of this.watchers) response[how]();
  }

  async stop(): Promise<void> {
    this.server?.closeAllConnections();
    await new Promise((resolve) => (this.server ? this.server.close(resolve) : resolve(undefined)));
    rmSync(this.dir, { recursive: true, force: true });
  }
}
