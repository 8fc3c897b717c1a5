/**
 * `npm run dev`: the whole application on this machine, without Kubernetes or Docker. Redis main and two
 * replicas as processes, the API restarted and the page renewed whenever their sources change.
 */
import type { ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { PROJECT_ROOT } from "../../catalog/paths";
import { installFolders } from "../toolbox/npm-install";
import { run, RunError } from "../terminal/run-program";
import { onInterrupt } from "../terminal/interrupts";
import { bold, dim, Failure, inStep, say } from "../terminal/ui";

const REPLICAS = 2;
const READY_MS = 60_000;
/** What is told of a part that fails. */
const LAST_LINES = 10;
/** A part that does not end by itself is killed after so long, ms. */
const END_MS = 5000;

export async function dev(options: { port: string }): Promise<void> {
  const port = Number(options.port);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new Failure(`--port is "${options.port}", expected a number from 1 to 65535.`);
  }
  if (!(await isFree(port))) {
    throw new Failure(`Port ${port} is in use.`, "End what uses it, or name another one: npm run dev -- --port 5174");
  }
  const redis = await findRedis();
  await installFolders("images/node", "images/react");

  const dir = mkdtempSync(path.join(tmpdir(), "iacproject-dev-"));
  // an ES module, this project CommonJS as cdktf wants it
  const { execa } = await import("execa");
  const parts = new Parts(execa);
  try {
    const ports: number[] = [];
    await inStep("redis", async () => {
      for (let i = 0; i <= REPLICAS; i++) {
        const own = await freePort();
        const of = i === 0 ? ["--repl-diskless-sync-delay", "0"] : ["--replicaof", `127.0.0.1 ${ports[0]}`];
        ports.push(own);
        parts.start(
          i === 0 ? "redis main" : `replica ${i}`,
          redis,
          [
            ...["--port", String(own), "--bind", "127.0.0.1", "--save", "", "--dir", dir],
            ...["--dbfilename", `${i}.rdb`, ...of],
          ],
          { quiet: true },
        );
        await parts.until(`Redis on port ${own}`, () => isFree(own).then((free) => !free));
      }
      return `main on port ${ports[0]}, replicas on ${ports.slice(1).join(" and ")}`;
    });
    const [main, ...replicas] = ports.map((own) => `redis://127.0.0.1:${own}`);
    const api = `http://127.0.0.1:${await freePort()}`;
    await inStep("api", async () => {
      const tsx = path.join(PROJECT_ROOT, "node_modules", "tsx", "dist", "cli.mjs");
      const source = path.join(PROJECT_ROOT, "images", "node", "src", "main.ts");
      parts.start("api", process.execPath, [tsx, "watch", "--clear-screen=false", source], {
        env: {
          PORT: new URL(api).port,
          REDIS_MAIN_URL: main!,
          REDIS_REPLICAS_URL: replicas.join(","),
          DRAIN_MS: "1",
        },
      });
      await parts.until("the API", () => answers(`${api}/readyz`));
      return api;
    });
    const page = `http://localhost:${port}`;
    await inStep("page", async () => {
      const react = path.join(PROJECT_ROOT, "images", "react");
      const vite = path.join(react, "node_modules", "vite", "bin", "vite.js");
      parts.start(
        "page",
        process.execPath,
        [vite, "--host", "localhost", "--port", String(port), "--strictPort", "--clearScreen", "false"],
        { env: { API_URL: api }, cwd: react },
      );
      await parts.until("the page", () => answers(page));
      return page;
    });
    say(`\n${bold(page)}   the API is under ${page}/api; changed sources are taken up at once`);
    say(dim("Keys live as long as this command does. ^C ends all of it."));
    await parts.over();
  } finally {
    await parts.end();
    rmSync(dir, { recursive: true, force: true });
  }
  say("All of it has ended.");
}

/** redis-server of this machine, or the one that the tests have brought. */
async function findRedis(): Promise<string> {
  for (const program of ["redis-server", path.join(PROJECT_ROOT, ".tools", "bin", "redis-server")]) {
    try {
      await run(program, ["--version"], { timeoutMs: 10_000 });
      return program;
    } catch (error) {
      if (!(error instanceof RunError)) throw error;
    }
  }
  throw new Failure(
    "redis-server is not installed, and `npm run dev` runs Redis on this machine.",
    "Install it (Debian, Ubuntu: sudo apt-get install redis-server; macOS: brew install redis). `npm test` does so too.",
  );
}

interface PartOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly quiet?: boolean;
}

/** The processes that belong together: one that ends takes the others along. */
class Parts {
  private readonly children = new Map<string, ChildProcess>();
  private ending = false;
  private stopped = false;
  private fail: (error: Error) => void = () => undefined;
  private readonly failed = new Promise<never>((_, reject) => (this.fail = reject));
  private readonly asked: Promise<void>;

  constructor(private readonly execa: typeof import("execa").execa) {
    // looked at when it is waited for
    this.failed.catch(() => undefined);
    this.asked = new Promise((resolve) =>
      onInterrupt(() => {
        this.stopped = true;
        resolve();
      }),
    );
  }

  /** @param options.quiet what it says is shown only where it fails */
  start(name: string, program: string, args: string[], options: PartOptions = {}): void {
    const { env = {}, cwd = PROJECT_ROOT, quiet = false } = options;
    const child = this.execa(program, args, { cwd, env, stdin: "ignore", reject: false, buffer: false });
    this.children.set(name, child);
    const last: string[] = [];
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream! }).on("line", (line) => {
        if (!line.trim() || this.ending) return;
        last.push(line);
        last.splice(0, last.length - LAST_LINES);
        if (!quiet) say(`${dim(name.padEnd(10))} ${line}`);
      });
    }
    child.once("error", (error) => this.fail(new Failure(`${name} did not start: ${error.message}`)));
    child.once("exit", (code, signal) => {
      const said = quiet && last.length ? `:\n${last.join("\n")}` : ".";
      this.fail(new Failure(`${name} ended by itself (${signal ?? `exit code ${code}`})${said}`));
    });
  }

  /** Waits until `there`, at most a minute; less where a part ends. */
  async until(what: string, there: () => Promise<boolean>): Promise<void> {
    const end = Date.now() + READY_MS;
    const poll = async () => {
      while (!this.stopped && !this.ending && !(await there())) {
        if (Date.now() > end) throw new Failure(`Waited ${READY_MS / 1000} s for ${what}.`);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    };
    await Promise.race([poll(), this.failed, this.asked]);
    if (this.stopped) throw new Failure("Stopped on request.", undefined, 130);
  }

  /** Resolves when somebody asks for the end; rejects when a part ends by itself. */
  over(): Promise<void> {
    return Promise.race([this.asked, this.failed]);
  }

  async end(): Promise<void> {
    this.ending = true;
    await Promise.all(
      [...this.children.values()].map(async (child) => {
        if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
        const gone = new Promise((resolve) => child.once("exit", resolve));
        child.kill("SIGTERM");
        const timer = setTimeout(() => child.kill("SIGKILL"), END_MS);
        await gone;
        clearTimeout(timer);
      }),
    );
  }
}

const answers = (url: string): Promise<boolean> =>
  fetch(url, { signal: AbortSignal.timeout(2000) }).then(
    (response) => response.ok,
    () => false,
  );

/** A port of this machine that nobody listens on. */
const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer().once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
