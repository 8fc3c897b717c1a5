/**
 * Mode `safe` without a cluster: one main and one read replica, each in a network namespace, with the project's scripts
 * and configuration.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { refusedCommands } from "../../test/helpers/acl-log";
import { PASSWORD, writePod } from "../../test/helpers/redis-pod";
import { pause } from "../lib";
import { addNamespace, addSwitch, removeNamespace } from "./network";
import type { Programs } from "./programs";
import type { PodPart, System } from "./system";

const ADDRESSES = ["10.99.0.10", "10.99.0.13"] as const;
const NAMES = ["redis-main-0", "redis-replicas-0"] as const;

export class SafeSystem implements System {
  readonly mode = "safe";
  readonly dir = fs.mkdtempSync(path.join(os.tmpdir(), "iac-history-"));
  readonly switchName = "iac-history";
  readonly size = ADDRESSES.length;
  private readonly running = new Map<number, ChildProcess>();
  private readonly wanted = new Set<number>();
  private loop: Promise<void> | undefined;
  private over = false;

  constructor(programs: (dir: string) => Programs) {
    const clocks = programs(this.dir);
    for (const name of NAMES) clocks.addClock(`${name}-redis`);
  }

  get apiEnv(): Record<string, string> {
    const secret = path.join(this.dir, "0", "secret");
    return {
      REDIS_MAIN_URL: `redis://${ADDRESSES[0]}:6379`,
      REDIS_REPLICAS_URL: `redis://${ADDRESSES[1]}:6379`,
      REDIS_USER: "api-write",
      REDIS_PASSWORD_FILE: path.join(secret, "api-write"),
      REDIS_READ_USER: "api-read",
      REDIS_READ_PASSWORD_FILE: path.join(secret, "api-read"),
    };
  }

  async start(): Promise<void> {
    addSwitch(this.switchName);
    for (const [i, address] of ADDRESSES.entries()) {
      addNamespace(this.namespace(i), `pod${i}`, this.switchName, address);
      const dir = path.join(this.dir, String(i));
      writePod(dir, { replace: { "replicaof redis-main": `replicaof ${ADDRESSES[0]}` } });
      this.wanted.add(i);
    }
    // at the first start there is no data, and without DNS nothing can prove that no replica has any
    fs.writeFileSync(path.join(this.dir, "0", "start-empty", "on"), `${new Date().toISOString().slice(0, 10)}\n`);
    this.loop = this.restart();
    await this.healthy(60);
  }

  async stop(): Promise<void> {
    this.over = true;
    await this.loop;
    for (const name of [...ADDRESSES.keys()].map(this.namespace)) removeNamespace(name);
    removeNamespace(this.switchName);
    fs.rmSync(this.dir, { recursive: true, force: true });
  }

  main = (): number => 0;
  address = (pod: number): string => ADDRESSES[pod]!;
  namespace = (pod: number): string => `iac-history-${pod}`;
  podName = (pod: number): string => NAMES[pod]!;
  volume = (pod: number): string => path.join(this.dir, String(pod), "data");

  async healthy(seconds: number): Promise<void> {
    const end = Date.now() + seconds * 1000;
    const isHealthy = () => {
      try {
        const [main, replica] = [0, 1].map((pod) => this.redisCli(pod, "INFO", "replication"));
        return /role:master/.test(main!) && /role:slave/.test(replica!) && /master_link_status:up/.test(replica!);
      } catch {
        return false;
      }
    };
    while (!isHealthy()) {
      if (Date.now() > end) throw new Error(`waited ${seconds} s for main and its replica to be healthy`);
      await pause(100);
    }
  }

  signal(pod: number, part: PodPart, name: NodeJS.Signals): void {
    if (part === "redis") this.running.get(pod)?.kill(name);
  }

  async away(pod: number, ms: number, volume: "kept" | "lost"): Promise<void> {
    this.wanted.delete(pod);
    this.signal(pod, "redis", "SIGKILL");
    if (volume === "lost") {
      fs.rmSync(this.volume(pod), { recursive: true });
      fs.mkdirSync(this.volume(pod));
    }
    await pause(ms);
    this.wanted.add(pod);
  }

  link(pod: number, state: "up" | "down"): void {
    execFileSync("ip", ["-n", this.switchName, "link", "set", `pod${pod}`, state]);
  }

  outside(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
    return spawn("ip", ["netns", "exec", this.switchName, program, ...args], {
      env: { PATH: process.env["PATH"], ...env },
      stdio: ["ignore", "ignore", "inherit"],
    });
  }

  redisCli(pod: number, ...args: string[]): string {
    const cli = [
      "redis-cli",
      "--raw",
      "--no-auth-warning",
      "-h",
      ADDRESSES[pod]!,
      "--user",
      "admin",
      "--pass",
      PASSWORD,
    ];
    return execFileSync("ip", ["netns", "exec", this.switchName, ...cli, ...args], {
      encoding: "utf8",
      timeout: 10_000,
      stdio: "pipe",
    }).trim();
  }

  refusals(): readonly string[] {
    return [0, 1].flatMap((pod) => refusedCommands(this.redisCli(pod, "ACL", "LOG")).map((entry) => `${pod} ${entry}`));
  }

  private async restart(): Promise<void> {
    while (!this.over) {
      for (const pod of this.wanted) {
        const before = this.running.get(pod);
        if (!before || before.exitCode !== null || before.signalCode !== null) this.running.set(pod, this.script(pod));
      }
      await pause(700);
    }
  }

  private script(pod: number): ChildProcess {
    const script = path.join(this.dir, String(pod), "etc", pod === 0 ? "start-main.sh" : "start-replica.sh");
    return spawn("ip", ["netns", "exec", this.namespace(pod), "unshare", "-m", "sh", script], {
      env: { PATH: process.env["PATH"], POD: NAMES[pod], NAMESPACE: "history" },
      stdio: "ignore",
    });
  }
}
