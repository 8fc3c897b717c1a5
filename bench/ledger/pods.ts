/**
 * Runs the Sentinel group without a cluster: three network namespaces on this machine, connected by a switch, act as
 * the pods and use the project's scripts and configuration. This code acts as the kubelet: it restarts processes that
 * end, and runs the probes. Needs root (network and mount namespaces) and Redis 7.2 or later.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import type { RedisUserName } from "../../modules/redis/users";
import { refusedCommands } from "../../test/helpers/acl-log";
import { PASSWORD, writePod } from "../../test/helpers/redis-pod";

export const POOL = ["10.99.0.10", "10.99.0.11", "10.99.0.12"] as const;
export const MEMBERS = [0, 1, 2] as const;
export type Member = (typeof MEMBERS)[number];
type Part = "redis" | "sentinel";

const SWITCH = "iac-ledger";
const namespace = (i: Member) => `iac-ledger-${i}`;
const ip = (...args: string[]) => execFileSync("ip", args, { stdio: "pipe" });
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** @throws an error that names a missing requirement */
export function requirements(): void {
  if (process.getuid?.() !== 0) throw new Error("network namespaces need root: run this as root");
  const version = execFileSync("redis-server", ["--version"]).toString();
  const [, major, minor] = /v=(\d+)\.(\d+)/.exec(version) ?? [];
  if (Number(major) * 100 + Number(minor) < 702) throw new Error(`WAITAOF needs Redis 7.2, this is: ${version.trim()}`);
  execFileSync("ip", ["-V"]);
}

export class Pods {
  readonly dir = fs.mkdtempSync(path.join(os.tmpdir(), "iac-ledger-"));
  private readonly running = new Map<string, ChildProcess>();
  /** Pods that should run. */
  private readonly wanted = new Set<Member>();
  private readonly loops: Promise<void>[] = [];
  private over = false;

  /** Starts the network and the pods; resolves when the group is healthy. */
  async start(): Promise<void> {
    this.removeNetwork();
    ip("netns", "add", SWITCH);
    ip("-n", SWITCH, "link", "set", "lo", "up");
    ip("-n", SWITCH, "link", "add", "bridge", "type", "bridge");
    ip("-n", SWITCH, "addr", "add", "10.99.0.1/24", "dev", "bridge");
    ip("-n", SWITCH, "link", "set", "bridge", "up");
    for (const i of MEMBERS) {
      ip("netns", "add", namespace(i));
      ip("-n", SWITCH, "link", "add", `pod${i}`, "type", "veth", "peer", "name", "eth0", "netns", namespace(i));
      ip("-n", SWITCH, "link", "set", `pod${i}`, "master", "bridge", "up");
      ip("-n", namespace(i), "addr", "add", `${POOL[i]}/24`, "dev", "eth0");
      for (const device of ["eth0", "lo"]) ip("-n", namespace(i), "link", "set", device, "up");
      writePod(this.pod(i), { pool: POOL });
      this.wanted.add(i);
    }
    this.loops.push(this.restart(), ...MEMBERS.map((i) => this.probe(i)));
    await this.healthy(60);
  }

  passwordFile(user: RedisUserName): string {
    return path.join(this.pod(0), "secret", user);
  }

  /** Runs a command in the switch's namespace, from which every pod is reachable. */
  outside(
    program: string,
    args: readonly string[],
    env: NodeJS.ProcessEnv = {},
    stdout: "ignore" | "pipe" = "ignore",
  ): ChildProcess {
    const child = spawn("ip", ["netns", "exec", SWITCH, program, ...args], {
      env: { PATH: process.env["PATH"], ...env },
      stdio: ["ignore", stdout, "inherit"],
    });
    return child;
  }

  /** Runs a Redis command and returns its output. @throws if it fails or the output is truncated */
  redisCli(i: Member, ...args: string[]): string {
    const cli = ["netns", "exec", SWITCH, "redis-cli", "--raw", "--no-auth-warning", "-h", POOL[i]];
    const admin = ["--user", "admin", "--pass", PASSWORD];
    // the output for 100,000 keys exceeds the default buffer of 1 MiB
    return execFileSync("ip", [...cli, ...admin, ...args], {
      encoding: "utf8",
      timeout: 10_000,
      maxBuffer: 2 ** 28,
      stdio: "pipe",
    }).trim();
  }

  /**
   * Commands that Redis has denied to the workloads' users since each instance started: for these, an ACL rule is too
   * narrow.
   */
  refusals(): readonly string[] {
    return MEMBERS.flatMap((i) =>
      ["6379", "26379"].flatMap((port) =>
        refusedCommands(this.redisCli(i, "-p", port, "ACL", "LOG")).map((entry) => `${i}:${port} ${entry}`),
      ),
    );
  }

  private info(i: Member): ReadonlyMap<string, string> {
    let lines: string[];
    try {
      lines = this.redisCli(i, "INFO", "replication").split(/\r?\n/);
    } catch {
      // stopped or unreachable: no reply
      lines = [];
    }
    return new Map(lines.map((line) => [line.split(":")[0]!, line.slice(line.indexOf(":") + 1)]));
  }

  get mains(): readonly Member[] {
    return MEMBERS.filter((i) => this.info(i).get("role") === "master");
  }

  /** Waits for one main that both other members replicate from, so that either could be promoted. */
  healthy(seconds: number): Promise<void> {
    return this.until("the group to be healthy", seconds, () => {
      const [main, ...more] = this.mains;
      if (main === undefined || more.length) return false;
      return MEMBERS.filter((i) => i !== main).every((i) => {
        const info = this.info(i);
        return (
          info.get("master_host") === POOL[main] &&
          info.get("master_link_status") === "up" &&
          info.get("slave_priority") === "100"
        );
      });
    });
  }

  async until(what: string, seconds: number, condition: () => boolean): Promise<void> {
    const end = Date.now() + seconds * 1000;
    while (!condition()) {
      if (Date.now() > end) throw new Error(`waited ${seconds} s for ${what}`);
      await pause(100);
    }
  }

  signal(i: Member, part: Part, name: NodeJS.Signals): void {
    this.running.get(`${i} ${part}`)?.kill(name);
  }

  link(i: Member, state: "up" | "down"): void {
    ip("-n", SWITCH, "link", "set", `pod${i}`, state);
  }

  /** Kills all of a pod's processes for `ms`, and empties its volume if `volume` is "lost". */
  async away(i: Member, ms: number, volume: "kept" | "lost"): Promise<void> {
    this.wanted.delete(i);
    for (const part of ["redis", "sentinel"] as const) this.signal(i, part, "SIGKILL");
    if (volume === "lost") {
      const data = path.join(this.pod(i), "data");
      fs.rmSync(data, { recursive: true });
      fs.mkdirSync(data);
    }
    await pause(ms);
    this.wanted.add(i);
  }

  /** Runs the preStop hook, as a graceful shutdown does. */
  handOver(i: Member): Promise<void> {
    return new Promise((resolve) => this.script(i, "stop-member.sh").once("exit", () => resolve()));
  }

  async stop(): Promise<void> {
    this.over = true;
    this.wanted.clear();
    await Promise.all(this.loops);
    this.removeNetwork();
    fs.rmSync(this.dir, { recursive: true, force: true });
  }

  private pod(i: Member): string {
    return path.join(this.dir, String(i));
  }

  /** What a pod's programs have printed. */
  log(i: Member): string {
    return fs.readFileSync(path.join(this.pod(i), "log"), "utf8");
  }

  /**
   * Runs one of the project's scripts in a pod; its output goes to the pod's `log` file. The configuration is mounted
   * read-only, because Redis must not rewrite it.
   */
  private script(i: Member, ...args: string[]): ChildProcess {
    const etc = path.join(this.pod(i), "etc");
    const command = `mount --bind ${etc} ${etc} && mount -o remount,ro,bind ${etc} && exec sh ${etc}/"$@"`;
    const log = fs.openSync(path.join(this.pod(i), "log"), "a");
    const child = spawn("ip", ["netns", "exec", namespace(i), "unshare", "-m", "sh", "-c", command, "sh", ...args], {
      env: { PATH: process.env["PATH"], POD: `redis-main-${i}`, NAMESPACE: "ledger" },
      stdio: ["ignore", log, log],
    });
    fs.closeSync(log);
    return child;
  }

  private async restart(): Promise<void> {
    while (!this.over) {
      for (const i of this.wanted) {
        for (const part of ["redis", "sentinel"] as const) {
          const before = this.running.get(`${i} ${part}`);
          if (before && before.exitCode === null && before.signalCode === null) continue;
          this.running.set(`${i} ${part}`, this.script(i, part === "redis" ? "start-member.sh" : "start-sentinel.sh"));
          if (part === "sentinel") this.script(i, "tune-sentinel.sh");
        }
      }
      await pause(700);
    }
  }

  private async probe(i: Member): Promise<void> {
    while (!this.over) {
      await new Promise((resolve) => this.script(i, "probe.sh", "member").once("exit", resolve));
      await pause(2000);
    }
  }

  private removeNetwork(): void {
    for (const name of [...MEMBERS.map(namespace), SWITCH]) {
      const pids = spawnSync("ip", ["netns", "pids", name], { encoding: "utf8" }).stdout?.trim();
      for (const pid of pids ? pids.split(/\s+/) : []) {
        try {
          process.kill(Number(pid), "SIGKILL");
        } catch {
          // already ended
        }
      }
      spawnSync("ip", ["netns", "del", name]);
    }
  }
}
