/**
 * The whole application on this machine: Redis main (primary) and replicas, API processes behind one
 * address like a Service, and the built page in nginx with the image's configuration.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { build } from "vite";
import { Cluster } from "../../../node/test/helpers/cluster";
import { freePort, PASSWORD } from "../../../node/test/helpers/redis";
import { Nginx } from "../nginx";

const react = resolve(import.meta.dirname, "../..");
const node = resolve(react, "../node");
/** The API's own bundler. */
const esbuild = createRequire(join(node, "package.json"))("esbuild") as typeof import("esbuild");

/** Builds the page and compresses its files, as the image build does. */
export async function buildPage(): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), "built-"));
  // vitest sets NODE_ENV to "test", which would build the development version of React
  const before = process.env["NODE_ENV"];
  process.env["NODE_ENV"] = "production";
  await build({ root: react, logLevel: "error", mode: "production", build: { outDir: dir, emptyOutDir: true } });
  process.env["NODE_ENV"] = before;
  for (const file of readdirSync(dir, { recursive: true, encoding: "utf8" })) {
    if (statSync(join(dir, file)).isFile()) execFileSync("gzip", ["-9nk", join(dir, file)]);
  }
  return dir;
}

export class Stack {
  readonly cluster = new Cluster();
  readonly nginx = new Nginx();
  private readonly dir = mkdtempSync(join(tmpdir(), "stack-"));
  private readonly apis = new Map<number, ChildProcess>();
  private service: Server | undefined;
  private connections = 0;

  async start(page: string, replicas = 2): Promise<this> {
    esbuild.buildSync({
      entryPoints: [join(node, "src/main.ts")],
      outfile: join(this.dir, "api.cjs"),
      bundle: true,
      platform: "node",
      format: "cjs",
      logLevel: "warning",
    });
    await this.cluster.start(replicas);
    await this.addApi();
    // like a Service, distributes connections to the processes in turn
    this.service = createServer((socket) => {
      const ports = [...this.apis.keys()];
      const port = ports[this.connections++ % ports.length];
      if (port === undefined) return void socket.resetAndDestroy();
      const upstream = connect(port, "127.0.0.1");
      for (const [a, b] of [
        [socket, upstream],
        [upstream, socket],
      ] as const) {
        a.on("error", () => b.destroy());
        a.on("close", () => b.destroy());
      }
      socket.pipe(upstream).pipe(socket);
    }).listen(0, "127.0.0.1");
    await new Promise((done) => this.service!.once("listening", done));
    await this.nginx.start(page, `http://127.0.0.1:${(this.service.address() as { port: number }).port}`);
    return this;
  }

  get address(): string {
    return this.nginx.address;
  }

  /** Adds an API process behind the address. @returns its port */
  async addApi(): Promise<number> {
    const port = await freePort();
    const child = spawn(process.execPath, [join(this.dir, "api.cjs")], {
      stdio: "ignore",
      env: {
        ...this.cluster.env,
        PORT: String(port),
        REDIS_MAIN_URL: this.cluster.main.url,
        REDIS_PASSWORD_FILE: this.passwordFile,
        DRAIN_MS: "100",
      },
    });
    for (let i = 0; ; i++) {
      if (
        await fetch(`http://127.0.0.1:${port}/readyz`).then(
          (r) => r.ok,
          () => false,
        )
      )
        break;
      if (i > 200) throw new Error("the API did not become ready in time");
      await new Promise((done) => setTimeout(done, 50));
    }
    this.apis.set(port, child);
    return port;
  }

  async removeApi(port: number): Promise<void> {
    const child = this.apis.get(port)!;
    this.apis.delete(port);
    const exited = new Promise((done) => child.once("exit", done));
    child.kill("SIGTERM");
    await exited;
  }

  /** Stops all API processes. @returns a function that starts the same number again */
  async outage(): Promise<() => Promise<void>> {
    const ports = [...this.apis.keys()];
    for (const port of ports) await this.removeApi(port);
    return async () => {
      for (let i = 0; i < ports.length; i++) await this.addApi();
    };
  }

  redis(...args: string[]): string {
    return this.cluster.main.cli(...args);
  }

  async stop(): Promise<void> {
    await this.nginx.stop();
    this.service?.close();
    for (const port of [...this.apis.keys()]) await this.removeApi(port);
    await this.cluster.stop();
    rmSync(this.dir, { recursive: true });
  }

  private get passwordFile(): string {
    const file = join(this.dir, "password");
    writeFileSync(file, PASSWORD);
    return file;
  }
}
