/** A fake Kubernetes API server: list, watch and the few writes that the scaler needs, over HTTP. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface KubernetesObject {
  metadata: {
    name: string;
    uid?: string;
    resourceVersion?: string;
    labels?: Record<string, string>;
    deletionTimestamp?: string;
    annotations?: Record<string, string>;
  };
  spec?: Record<string, unknown>;
  status?: Record<string, unknown>;
}
interface Watcher {
  readonly kind: string;
  readonly matches: (object: KubernetesObject) => boolean;
  readonly response: ServerResponse;
}
export interface Seen {
  readonly at: number;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly token: string | undefined;
  readonly body: unknown;
}

export class FakeApi {
  readonly dir = mkdtempSync(join(tmpdir(), "kubernetes-"));
  readonly seen: Seen[] = [];
  /** Status to answer with instead of the correct answer; undefined for the correct answer. */
  refuse: (method: string, path: string, token: string) => number | undefined = () => undefined;
  /** Accepts requests and never answers. */
  isHanging = false;
  /** Runs before a PATCH is evaluated, to simulate another write that is faster. */
  beforePatch: () => void = () => undefined;
  private readonly kinds = new Map<string, Map<string, KubernetesObject>>();
  private readonly watchers = new Set<Watcher>();
  private server: Server | undefined;
  private port = 0;
  private version = 100;
  /** Changes so far; a watch starts with those since its version. */
  private readonly history: {
    readonly version: number;
    readonly kind: string;
    readonly type: string;
    readonly object: KubernetesObject;
  }[] = [];

  async start(): Promise<this> {
    writeFileSync(join(this.dir, "token"), "token-1\n");
    this.server = createServer((request, response) => void this.answer(request, response)).listen(
      this.port,
      "127.0.0.1",
    );
    await new Promise((resolve) => this.server!.once("listening", resolve));
    this.port = (this.server.address() as { port: number }).port;
    return this;
  }

  get env(): Record<string, string> {
    return { KUBERNETES_API_URL: `http://127.0.0.1:${this.port}`, KUBERNETES_CREDENTIALS_DIR: this.dir };
  }

  /** Like `env`, but with the given token. */
  envOf(token: string): Record<string, string> {
    const dir = join(this.dir, token);
    mkdirSync(dir, { recursive: true });
    writeFileSync(join(dir, "token"), token);
    return { ...this.env, KUBERNETES_CREDENTIALS_DIR: dir };
  }

  /** Makes the server unavailable: connections are cut and refused. `start` brings it back with the same objects. */
  async leave(): Promise<void> {
    this.server?.closeAllConnections();
    await new Promise((resolve) => (this.server ? this.server.close(resolve) : resolve(undefined)));
    this.server = undefined;
  }

  async stop(): Promise<void> {
    await this.leave();
    rmSync(this.dir, { recursive: true, force: true });
  }

  get(kind: string, name: string): KubernetesObject | undefined {
    return this.kinds.get(kind)?.get(name);
  }

  all(kind: string): readonly KubernetesObject[] {
    return [...(this.kinds.get(kind)?.values() ?? [])];
  }

  put(kind: string, object: KubernetesObject): KubernetesObject {
    const objects = this.kinds.get(kind) ?? new Map<string, KubernetesObject>();
    this.kinds.set(kind, objects);
    const { name } = object.metadata;
    const type = objects.has(name) ? "MODIFIED" : "ADDED";
    const versioned = { ...object, metadata: { ...object.metadata, resourceVersion: String(++this.version) } };
    objects.set(name, versioned);
    this.send(kind, type, versioned);
    return versioned;
  }

  remove(kind: string, name: string): void {
    const object = this.get(kind, name);
    this.kinds.get(kind)?.delete(name);
    this.version++;
    if (object) this.send(kind, "DELETED", object);
  }

  /** Ends all watches: normally, as the real API does after a while, by breaking the connection, or with an error. */
  endWatches(how: "end" | "destroy" | "gone"): void {
    for (const { response } of this.watchers) {
      if (how === "gone")
        response.write(`${JSON.stringify({ type: "ERROR", object: { code: 410, message: "too old" } })}\n`);
      else response[how]();
    }
    this.watchers.clear();
  }

  get watching(): number {
    return this.watchers.size;
  }

  requests(method: string, part: string): readonly Seen[] {
    return this.seen.filter((each) => each.method === method && each.path.includes(part));
  }

  private send(kind: string, type: string, object: KubernetesObject): void {
    this.history.push({ version: this.version, kind, type, object });
    for (const watcher of this.watchers) {
      if (watcher.kind === kind && watcher.matches(object))
        watcher.response.write(`${JSON.stringify({ type, object })}\n`);
    }
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "http://localhost");
    const method = request.method ?? "GET";
    let text = "";
    for await (const chunk of request.setEncoding("utf8") as AsyncIterable<string>) text += chunk;
    if (this.isHanging) return;
    const body = text ? (JSON.parse(text) as KubernetesObject) : undefined;
    const path = url.pathname;
    const [, kind = "", name, sub] = /\/namespaces\/test\/(\w+)(?:\/([\w.-]+)(?:\/(\w+))?)?$/.exec(path) ?? [];
    const isWatch = url.searchParams.get("watch") === "true";
    const note = (status: number) =>
      this.seen.push({
        at: performance.now(),
        method,
        path: path + url.search,
        status,
        token: request.headers.authorization,
        body,
      });
    const send = (status: number, value: unknown) => {
      note(status);
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
    };
    const refused = this.refuse(method, path, request.headers.authorization ?? "");
    if (refused) return send(refused, { kind: "Status", code: refused });
    if (isWatch) {
      note(200);
      response.writeHead(200, { "content-type": "application/json" }).flushHeaders();
      const watcher = { kind, matches: matcher(url.searchParams), response };
      const since = Number(url.searchParams.get("resourceVersion"));
      for (const { version, type, object, ...change } of this.history) {
        if (version > since && change.kind === kind && watcher.matches(object))
          response.write(`${JSON.stringify({ type, object })}\n`);
      }
      this.watchers.add(watcher);
      response.once("close", () => this.watchers.delete(watcher));
      return;
    }
    if (!name && method === "GET") {
      const items = this.all(kind).filter(matcher(url.searchParams));
      return send(200, { metadata: { resourceVersion: String(this.version) }, items });
    }
    if (!name && method === "POST") {
      const { name: wanted } = body!.metadata;
      return this.get(kind, wanted) ? send(409, {}) : send(201, this.put(kind, body!));
    }
    if (method === "PATCH") this.beforePatch();
    const object = this.get(kind, name!);
    if (!object) return send(404, {});
    const given = body?.metadata.resourceVersion;
    if (method !== "GET" && given !== undefined && given !== object.metadata.resourceVersion) return send(409, {});
    if (method === "PUT") return send(200, this.put(kind, body!));
    if (method === "PATCH") {
      const spec = { ...object.spec, ...body?.spec };
      return send(200, scaleOf(this.put(kind, { ...object, spec })));
    }
    send(200, sub === "scale" ? scaleOf(object) : object);
  }
}

/** A Scale; like the real API, it omits a count of 0. */
const scaleOf = ({ metadata, spec }: KubernetesObject): object => ({
  metadata,
  spec: spec?.["replicas"] ? { replicas: spec["replicas"] } : {},
});

function matcher(query: URLSearchParams): (object: KubernetesObject) => boolean {
  const [, field] = (query.get("fieldSelector") ?? "").split("=");
  const [key, value] = (query.get("labelSelector") ?? "").split("=");
  return ({ metadata }) => (field ? metadata.name === field : true) && (key ? metadata.labels?.[key] === value : true);
}
