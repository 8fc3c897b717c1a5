/**
 * Runs the image's nginx on this machine, with the same scripts and configuration but with paths in a temporary folder.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const source = resolve(import.meta.dirname, "../nginx");

/** Prints what is skipped if nginx or envsubst is missing. */
export function hasNginx(what: string): boolean {
  try {
    execFileSync("nginx", ["-v"], { stdio: "ignore" });
    execFileSync("envsubst", ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    console.warn(`SKIPPED: ${what}: nginx or envsubst is not installed`);
    return false;
  }
}

/** Ports that this process has taken so far. */
const taken = new Set<number>();

/** A free port on localhost, below the ports that outgoing connections use, because one of them could take it first. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 20_000);
    const isFree = await new Promise<boolean>((resolve) => {
      const server = createServer()
        .once("error", () => resolve(false))
        .listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
    });
    if (!isFree || taken.has(port)) continue;
    taken.add(port);
    return port;
  }
}

export class Nginx {
  readonly dir = mkdtempSync(join(tmpdir(), "page-"));
  readonly root = join(this.dir, "html");
  address = "";
  private readonly processes: ChildProcess[] = [];

  /**
   * @param path a folder to put at the start of PATH
   * @param files hard limit of open files
   * @param memory limit of the container, in bytes; in these tests, only nginx itself respects it
   * @param edit changes a file of the image
   */
  constructor(
    private readonly path = "",
    private readonly files?: number,
    private readonly memory?: number,
    edit: (text: string) => string = (text) => text,
  ) {
    // nginx started by root reads its files as another user
    chmodSync(this.dir, 0o755);
    mkdirSync(this.file());
    for (const name of readdirSync(source)) {
      writeFileSync(this.file(name), this.local(edit(readFileSync(join(source, name), "utf8"))), { mode: 0o755 });
    }
  }

  /** A file of the image, adapted to the temporary folder. */
  private file(name = ""): string {
    return join(this.dir, "image", name);
  }

  private local(text: string): string {
    return text
      .replaceAll("/tmp/", `${this.dir}/`)
      .replaceAll(/\/etc\/nginx\/(?!mime\.types)|\/docker-entrypoint\.d\//g, `${this.file()}/`)
      .replaceAll("/usr/share/nginx/html", this.root)
      .replaceAll("/dev/stdout", join(this.dir, "access.log"));
  }

  private get limit(): string {
    return this.files === undefined ? "" : `ulimit -n ${this.files}; `;
  }

  private env(env: Record<string, string>): Record<string, string> {
    const memory: Record<string, string> = this.memory === undefined ? {} : { MEMORY_LIMIT: String(this.memory) };
    return { PATH: `${this.path}:${process.env["PATH"]}`, ...memory, ...env };
  }

  /** Lines of the access log. */
  log(): Record<string, unknown>[] {
    const lines = readFileSync(join(this.dir, "access.log"), "utf8").split("\n");
    return lines.filter((l) => l.startsWith("{")).map((l) => JSON.parse(l) as Record<string, unknown>);
  }

  /** The configuration that the image's start script renders from its environment. */
  render(env: Record<string, string>): string {
    const script = `${this.limit}exec sh ${this.file("40-render.sh")}`;
    execFileSync("sh", ["-c", script], { env: this.env(env), stdio: ["ignore", "ignore", "pipe"] });
    return readFileSync(join(this.dir, "nginx.conf"), "utf8");
  }

  /** @param files folder with the page; @param apiUrl address of the API */
  async start(files: string, apiUrl: string): Promise<this> {
    cpSync(files, this.root, { recursive: true });
    chmodSync(this.root, 0o755);
    const port = await freePort();
    this.address = `http://127.0.0.1:${port}`;
    const env = this.env({ API_URL: apiUrl, PORT: String(port) });
    for (const name of ["50-metrics.sh", "60-follow-api.sh"]) {
      // the loops outlive the script, so it gets its own process group, which can be stopped as a whole
      const script = `. ${this.file(name)}; wait`;
      this.processes.push(spawn("sh", ["-c", script], { env, stdio: "inherit", detached: true }));
    }
    await new Promise((done) => setTimeout(done, 200));
    // as the image's entry point
    const nginx = `${this.file("40-render.sh")} && exec nginx -c ${this.dir}/nginx.conf -g "daemon off;"`;
    this.processes.push(
      // the soft limit of most containers
      spawn("sh", ["-c", `${this.limit}ulimit -Sn 1024; exec ${this.file("limit-memory.sh")} sh -c '${nginx}'`], {
        env,
        stdio: "ignore",
        detached: true,
      }),
    );
    for (let i = 0; i < 100; i++) {
      if (
        await fetch(`${this.address}/healthz`)
          .then((r) => r.ok)
          .catch(() => false)
      )
        return this;
      await new Promise((done) => setTimeout(done, 50));
    }
    throw new Error("nginx did not start");
  }

  /** Ids of the worker processes. */
  workers(): number[] {
    const main = readFileSync(join(this.dir, "nginx.pid"), "utf8").trim();
    const children = readFileSync(`/proc/${main}/task/${main}/children`, "utf8");
    return children.trim().split(/\s+/).map(Number);
  }

  async stop(): Promise<void> {
    for (const child of this.processes) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const exited = new Promise((done) => child.once("exit", done));
      process.kill(-child.pid!, "SIGTERM");
      await exited;
    }
    rmSync(this.dir, { recursive: true });
  }
}
