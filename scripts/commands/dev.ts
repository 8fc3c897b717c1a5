/**
 * `npm run dev`: runs the whole application on this machine, without Kubernetes or Docker: Redis main (primary) and
 * two replicas as processes, the API, and the page. Source changes hot-reload.
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
/** Number of output lines shown in the error about a failed process. */
const LAST_LINES = 10;
/** Time that a process has to exit after SIGTERM before it gets SIGKILL, in ms. */
const END_MS = 5000;

export async function dev(options: { port: string }): Promise<void> {
  const port = Number(options.port);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new Failure(`--port is "${options.port}", expected a number from 1 to 65535.`);
  }
  if (!(await isFree(port))) {
    throw new Failure(
      `Port ${port} is in use.`,
      "Stop the program that uses it, or choose another port: npm run dev -- --port 5174",
    );
  }
  const redis = await findRedis();
  await installFolders("images/node", "images/react");

  const dir = mkdtempSync(path.join(tmpdir(), "iacproject-dev-"));
  // an ES module; cdktf requires CommonJS here
  const { execa } = await import("execa");
  const processes = new Processes(execa);
  try {
    const ports: number[] = [];
    await inStep("redis", async () => {
      for (let i = 0; i <= REPLICAS; i++) {
        const own = await freePort();
        const of = i === 0 ? ["--repl-diskless-sync-delay", "0"] : ["--replicaof", `127.0.0.1 ${ports[0]}`];
        ports.push(own);
        processes.start(
          i === 0 ? "redis main" : `replica ${i}`,
          redis,
          [
            ...["--port", String(own), "--bind", "127.0.0.1", "--save", "", "--dir", dir],
            ...["--dbfilename", `${i}.rdb`, ...of],
          ],
          { quiet: true },
        );
        await processes.until(`Redis on port ${own}`, () => isFree(own).then((free) => !free));
      }
      return `main on port ${ports[0]}, replicas on ${ports.slice(1).join(" and ")}`;
    });
    const [main, ...replicas] = ports.map((own) => `redis://127.0.0.1:${own}`);
    const api = `http://127.0.0.1:${await freePort()}`;
    await inStep("api", async () => {
      const tsx = path.join(PROJECT_ROOT, "node_modules", "tsx", "dist", "cli.mjs");
      const source = path.join(PROJECT_ROOT, "images", "node", "src", "main.ts");
      processes.start("api", process.execPath, [tsx, "watch", "--clear-screen=false", source], {
        env: {
          PORT: new URL(api).port,
          REDIS_MAIN_URL: main!,
          REDIS_REPLICAS_URL: replicas.join(","),
          DRAIN_MS: "1",
        },
      });
      await processes.until("The API", () => answers(`${api}/readyz`));
      return api;
    });
    const page = `http://localhost:${port}`;
    await inStep("page", async () => {
      const react = path.join(PROJECT_ROOT, "images", "react");
      const vite = path.join(react, "node_modules", "vite", "bin", "vite.js");
      processes.start(
        "page",
        process.execPath,
        [vite, "--host", "localhost", "--port", String(port), "--strictPort", "--clearScreen", "false"],
        { env: { API_URL: api }, cwd: react },
      );
      await processes.until("The page", () => answers(page));
      return page;
    });
    say(`\n${bold(page)}   the API is under ${page}/api; source changes hot-reload`);
    say(dim("Keys are lost when this command ends. Ctrl+C stops everything."));
    await processes.ended();
  } finally {
    await processes.stop();
    rmSync(dir, { recursive: true, force: true });
  }
  say("Everything has stopped.");
}

/** Path of this machine's redis-server, or of the one that `npm test` installed. */
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
    "redis-server is not installed; `npm run dev` needs it to run Redis on this machine.",
    "Install it (Debian, Ubuntu: sudo apt-get install redis-server; macOS: brew install redis). `npm test` also installs it.",
  );
}

interface ProcessOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Show its output only if it fails. */
  readonly quiet?: boolean;
}

/** A group of processes: if one exits, all are stopped. */
class Processes {
  private readonly children = new Map<string, ChildProcess>();
  private ending = false;
  private stopped = false;
  private fail: (error: Error) => void = () => undefined;
  private readonly failed = new Promise<never>((_, reject) => (this.fail = reject));
  private readonly interrupted: Promise<void>;

  constructor(private readonly execa: typeof import("execa").execa) {
    // handled by the callers that await it
    this.failed.catch(() => undefined);
    this.interrupted = new Promise((resolve) =>
      onInterrupt(() => {
        this.stopped = true;
        resolve();
      }),
    );
  }

  start(name: string, program: string, args: string[], options: ProcessOptions = {}): void {
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
      const output = quiet && last.length ? `:\n${last.join("\n")}` : ".";
      this.fail(new Failure(`${name} exited unexpectedly (${signal ?? `exit code ${code}`})${output}`));
    });
  }

  /** Waits at most a minute for `isReady`. @throws Failure if a process exits first */
  async until(what: string, isReady: () => Promise<boolean>): Promise<void> {
    const end = Date.now() + READY_MS;
    const poll = async () => {
      while (!this.stopped && !this.ending && !(await isReady())) {
        if (Date.now() > end) throw new Failure(`${what} did not become ready within ${READY_MS / 1000} s.`);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    };
    await Promise.race([poll(), this.failed, this.interrupted]);
    if (this.stopped) throw new Failure("Stopped on request.", undefined, 130);
  }

  /** Resolves on an interrupt; rejects if a process exits. */
  ended(): Promise<void> {
    return Promise.race([this.interrupted, this.failed]);
  }

  async stop(): Promise<void> {
    this.ending = true;
    await Promise.all(
      [...this.children.values()].map(async (child) => {
        if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
        const exited = new Promise((resolve) => child.once("exit", resolve));
        child.kill("SIGTERM");
        const timer = setTimeout(() => child.kill("SIGKILL"), END_MS);
        await exited;
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

/** A free port of this machine. */
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
