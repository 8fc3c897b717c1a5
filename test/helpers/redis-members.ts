/**
 * Runs the members of a Sentinel group on separate loopback addresses, with the project's scripts and real redis-server
 * processes, without root and without network namespaces. Needs Linux, where all of 127.0.0.0/8 is local.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { hasRedis, PASSWORD, writePod } from "./redis-pod";

/** Whether this machine can run the members. */
export const hasMembers = hasRedis && process.platform === "linux";
/** Not root, because root could rewrite the read-only configuration, which a pod cannot. */
const UNPRIVILEGED_ID = 65534;
const UNPRIVILEGED = process.getuid?.() === 0 ? { uid: UNPRIVILEGED_ID, gid: UNPRIVILEGED_ID } : {};

export type Member = 0 | 1 | 2;
export const MEMBERS: readonly Member[] = [0, 1, 2];

/** Kills a process group, but only while its leader is running: later, the id may belong to another group. */
function killGroup(child: ChildProcess): void {
  if (child.pid !== undefined && child.exitCode === null && child.signalCode === null)
    process.kill(-child.pid, "SIGKILL");
}

export class RedisMembers {
  readonly dir = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-members-"));
  readonly port: number;
  readonly pool: readonly string[];
  private readonly children: ChildProcess[] = [];
  private readonly running = new Map<string, ChildProcess>();

  /** @param network a number from 0 to 9 that distinguishes the groups in one test process */
  constructor(network: number, replace: Readonly<Record<string, string>> = {}) {
    this.port = 7000 + (process.pid % 900);
    this.pool = MEMBERS.map((i) => `127.${20 + network}.${process.pid % 250}.${10 + i}`);
    // these folders must be accessible to the user that the programs run as
    for (const folder of [this.dir, path.dirname(this.dir)]) fs.chmodSync(folder, fs.statSync(folder).mode | 0o011);
    for (const i of MEMBERS) {
      const bind = `\nbind ${this.pool[i]}`;
      writePod(this.pod(i), {
        pool: this.pool,
        replace: {
          "127.0.0.1": this.pool[i]!,
          "6379": String(this.port),
          "appendonly yes": `appendonly yes${bind}`,
          "protected-mode no": `protected-mode no${bind}`,
          ...replace,
        },
      });
      fs.mkdirSync(path.join(this.pod(i), "bin"));
      fs.writeFileSync(path.join(this.pod(i), "bin/getent"), "#!/bin/sh\nexit 2\n", { mode: 0o755 });
      this.handOver(i);
    }
  }

  get sentinelPort(): string {
    return `2${this.port}`;
  }

  pod(i: Member): string {
    return path.join(this.dir, String(i));
  }

  /** Makes the user that the programs run as the owner of the files. */
  handOver(i: Member): void {
    if (process.getuid?.() !== 0) return;
    const folders = ["data", "run", "tmp"].map((name) => path.join(this.pod(i), name));
    spawnSync("chown", ["-R", `${UNPRIVILEGED_ID}:${UNPRIVILEGED_ID}`, ...folders]);
    spawnSync("chmod", ["-R", "o+rX", this.pod(i)]);
    spawnSync("chown", [`${UNPRIVILEGED_ID}:${UNPRIVILEGED_ID}`, this.pod(i)]);
  }

  env(i: Member): Record<string, string> {
    const bin = path.join(this.pod(i), "bin");
    return { PATH: `${bin}:${process.env["PATH"]}`, POD: `redis-main-${i}`, NAMESPACE: "shop" };
  }

  /**
   * Runs a shell command in the background, as a container in the pod; its output goes to the file `log` in the pod's
   * folder.
   */
  run(i: Member, name: string, command: string): ChildProcess {
    const log = fs.openSync(path.join(this.pod(i), "log"), "a");
    const child = spawn("sh", ["-c", command], {
      env: this.env(i),
      cwd: this.pod(i),
      stdio: ["ignore", log, log],
      // in its own process group, because all processes of a container end together
      detached: true,
      ...UNPRIVILEGED,
    });
    fs.closeSync(log);
    this.children.push(child);
    this.running.set(`${i} ${name}`, child);
    return child;
  }

  /** Starts a member's Redis as start-member.sh does, but without querying Sentinels for main. */
  startRedis(i: Member, ...settings: string[]): void {
    // as its Sentinel stores the group's addresses
    const known = "mkdir -p data/sentinel && { [ -e data/sentinel/pool ] || cat etc/pool >data/sentinel/pool; }";
    const start = `--replica-announce-ip ${this.pool[i]} --min-replicas-to-write 1000 --replica-priority 0`;
    this.run(
      i,
      "redis",
      `${known} && echo ${i} >run/member && sh etc/access.sh users && { while kill -0 $$; do sh etc/guard.sh $$; sleep 0.2; done & } && exec redis-server etc/main.conf ${start} ${settings.join(" ")}`,
    );
  }

  /** Kills a container and every process in it. */
  async kill(i: Member, name: "redis" | "sentinel"): Promise<void> {
    const child = this.running.get(`${i} ${name}`);
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exited = new Promise((resolve) => child.once("exit", resolve));
    killGroup(child);
    await exited;
  }

  loseVolume(i: Member): void {
    fs.rmSync(path.join(this.pod(i), "data"), { recursive: true });
    fs.mkdirSync(path.join(this.pod(i), "data"));
    this.handOver(i);
  }

  script(i: Member, ...args: string[]) {
    const [name = "", ...more] = args;
    return spawnSync("sh", [path.join(this.pod(i), "etc", name), ...more], {
      encoding: "utf8",
      env: this.env(i),
      timeout: 60_000,
      ...UNPRIVILEGED,
    });
  }

  /** What the pod's programs have printed. */
  log(i: Member): string {
    const file = path.join(this.pod(i), "log");
    return fs.existsSync(file) ? fs.readFileSync(file, "utf8") : "";
  }

  cli(i: Member, ...args: string[]): string {
    const login = ["--user", "admin", "--pass", PASSWORD, "--no-auth-warning"];
    const { stdout } = spawnSync("redis-cli", ["-h", this.pool[i]!, "-p", String(this.port), ...login, ...args], {
      encoding: "utf8",
      timeout: 5000,
      maxBuffer: 2 ** 28,
    });
    return stdout.trim();
  }

  /** A field of `INFO replication`. */
  field(i: Member, name: string): string | undefined {
    return new RegExp(`^${name}:(.*?)\\r?$`, "m").exec(this.cli(i, "INFO", "replication"))?.[1];
  }

  /** Whether a member's Sentinel, which looks at the others every few seconds, knows that both copies can be promoted. */
  knowsCopies(via: Member): boolean {
    const text = this.cli(via, "-p", this.sentinelPort, "SENTINEL", "REPLICAS", "main");
    const known = (field: string, value: string) => text.split(`\n${field}\n${value}\n`).length - 1;
    return known("master-link-status", "ok") === 2 && known("slave-priority", "100") === 2;
  }

  /** The current value of a Redis setting. */
  setting(i: Member, name: string): string | undefined {
    return this.cli(i, "CONFIG", "GET", name).split("\n")[1];
  }

  async until(what: string, condition: () => boolean, seconds = 60): Promise<void> {
    for (const end = Date.now() + seconds * 1000; !condition();) {
      if (Date.now() > end) {
        const logs = MEMBERS.map((i) => `--- ${i}\n${this.log(i).slice(-1500)}`).join("\n");
        throw new Error(`waited ${seconds} s for ${what}\n${logs}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  stop(): void {
    for (const child of this.children) killGroup(child);
    fs.rmSync(this.dir, { recursive: true, force: true });
  }
}
