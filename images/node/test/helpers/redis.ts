/** Real redis-server processes for the tests. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const PASSWORD = "only-for-tests";
/** The API reads passwords from files. */
export const PASSWORD_FILE = join(mkdtempSync(join(tmpdir(), "redis-password-")), "password");
writeFileSync(PASSWORD_FILE, PASSWORD);

/** Whether redis-server is installed; the project's `npm test` installs it. */
export const hasRedis = ((): boolean => {
  try {
    execFileSync("redis-server", ["--version"]);
    return true;
  } catch {
    return false;
  }
})();

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

export class Redis {
  private child: ChildProcess | undefined;
  /** One per process, because a replica stores its copy there, and another process must not load that copy. */
  private readonly dir = mkdtempSync(join(tmpdir(), "redis-"));
  constructor(
    readonly port: number,
    private mainPort?: number,
    /** Additional settings as arguments. */
    private readonly settings: readonly string[] = [],
  ) {}

  /** Sets the main from which this instance replicates after its next start. */
  follow(mainPort: number): this {
    this.mainPort = mainPort;
    return this;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Resolves when the instance answers or, if it is a replica, when it is connected to main. */
  async start(): Promise<this> {
    const args = [
      "--port",
      String(this.port),
      "--bind",
      "127.0.0.1",
      "--save",
      "",
      "--appendonly",
      "no",
      "--requirepass",
      PASSWORD,
      "--masterauth",
      PASSWORD,
      "--repl-diskless-sync-delay",
      "0",
      "--dir",
      this.dir,
      ...this.settings,
    ];
    if (this.mainPort) args.push("--replicaof", `127.0.0.1 ${this.mainPort}`);
    this.child = spawn("redis-server", args, { stdio: "ignore" });
    for (let i = 0; i < 200; i++) {
      const info = this.cli("INFO", "replication");
      if (info.includes(this.mainPort ? "master_link_status:up" : "role:master")) return this;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`redis-server on port ${this.port} did not become ready`);
  }

  cli(...args: string[]): string {
    try {
      return execFileSync("redis-cli", ["-p", String(this.port), "-a", PASSWORD, "--no-auth-warning", ...args], {
        stdio: ["ignore", "pipe", "ignore"],
      }).toString();
    } catch {
      return "";
    }
  }

  /** How many times the instance has executed `command` since its start. */
  calls(command: string): number {
    const stats = this.cli("INFO", "commandstats");
    return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
  }

  signal(name: "SIGSTOP" | "SIGCONT" | "SIGKILL" | "SIGTERM"): void {
    this.child?.kill(name);
  }

  async stop(): Promise<void> {
    const { child } = this;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGCONT");
    child.kill("SIGKILL");
    await gone;
    rmSync(join(this.dir, "dump.rdb"), { force: true });
  }
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Polls until `condition` is true, for `seconds` at most. */
export async function eventually(
  what: string,
  condition: () => boolean | Promise<boolean>,
  seconds = 30,
): Promise<void> {
  const end = performance.now() + seconds * 1000;
  do {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  } while (performance.now() < end);
  throw new Error(`waited ${seconds} s for: ${what}`);
}
