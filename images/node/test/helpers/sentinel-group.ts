/** A Sentinel group: three Redis instances with one Sentinel each, as real processes. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { guarded, MemberGuard } from "./member-guard";
import { eventually, freePort, PASSWORD, Redis } from "./redis";

/** Time in ms after which Sentinel replaces a main that does not answer. */
export const DOWN_AFTER_MS = 1500;

/** WAITAOF requires Redis 7.2. */
export const commitsToDisk = ((): boolean => {
  try {
    const [, major, minor] = /v=(\d+)\.(\d+)/.exec(execFileSync("redis-server", ["--version"]).toString()) ?? [];
    return Number(major) > 7 || (Number(major) === 7 && Number(minor) >= 2);
  } catch {
    return false;
  }
})();

/** Settings that a group member needs and a single main does not. */
const MEMBER = [
  ...["--appendonly", "yes", "--appendfsync", "always"],
  ...["--replica-announce-ip", "127.0.0.1", "--min-replicas-to-write", "1", "--min-replicas-max-lag", "3"],
];

class Sentinel {
  private child: ChildProcess | undefined;
  private readonly file = join(mkdtempSync(join(tmpdir(), "sentinel-")), "sentinel.conf");
  constructor(
    readonly port: number,
    mainPort: number,
  ) {
    writeFileSync(
      this.file,
      `port ${port}
bind 127.0.0.1
requirepass ${PASSWORD}
sentinel resolve-hostnames no
sentinel monitor main 127.0.0.1 ${mainPort} 2
sentinel auth-pass main ${PASSWORD}
sentinel sentinel-pass ${PASSWORD}
sentinel down-after-milliseconds main ${DOWN_AFTER_MS}
sentinel failover-timeout main 10000
sentinel parallel-syncs main 2
`,
    );
  }

  async start(): Promise<void> {
    this.child = spawn("redis-server", [this.file, "--sentinel"], { stdio: "ignore" });
    await eventually("Sentinel to answer", () => this.cli("PING").includes("PONG"));
    this.cli("SENTINEL", "DEBUG", "INFO-PERIOD", "500");
  }

  cli(...args: string[]): string {
    return new Redis(this.port).cli(...args);
  }

  get mainPort(): number {
    return Number(this.cli("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "main").trim().split("\n")[1]);
  }

  /** Number of replicas that this Sentinel knows. */
  get replicas(): number {
    return Number(/slaves=(\d+)/.exec(this.cli("INFO", "sentinel"))?.[1]);
  }

  get ready(): boolean {
    return this.cli("INFO", "sentinel").includes("slaves=2,sentinels=3");
  }

  /** Sentinel's config-epoch of main. */
  get epoch(): number {
    const lines = this.cli("SENTINEL", "MASTER", "main").trim().split("\n");
    return Number(lines[lines.indexOf("config-epoch") + 1]);
  }

  signal(name: "SIGSTOP" | "SIGCONT"): void {
    this.child?.kill(name);
  }

  stop(): void {
    this.child?.kill("SIGCONT");
    this.child?.kill("SIGKILL");
  }
}

export class SentinelGroup {
  readonly members: Redis[] = [];
  readonly sentinels: Sentinel[] = [];
  /** Starts a read replica. It announces a name, so that no Sentinel considers it for promotion. */
  reader!: Redis;
  private guard: MemberGuard | undefined;

  async start(): Promise<this> {
    const ports = [await freePort(), await freePort(), await freePort()];
    const [first] = ports as [number, number, number];
    ports.forEach((port, i) =>
      this.members.push(new Redis(port, port === first ? undefined : first, [...MEMBER, ...guarded(i)])),
    );
    this.guard = new MemberGuard(this.members, () => this.sentinels[0]?.cli("SENTINEL", "FAILOVER", "main")).start();
    await Promise.all(this.members.map((member) => member.start()));
    this.reader = await new Redis(await freePort(), ports[1], [
      ...["--replica-priority", "0", "--replica-announce-ip", "redis-replicas-0.redis-replicas-headless"],
    ]).start();
    for (let i = 0; i < 3; i++) this.sentinels.push(new Sentinel(await freePort(), first));
    await Promise.all(this.sentinels.map((s) => s.start()));
    await eventually("the Sentinels to know each other", () => this.sentinels.every((s) => s.ready));
    return this;
  }

  get env(): Record<string, string> {
    return {
      REDIS_MAIN_URL: "",
      REDIS_SENTINELS: this.sentinels.map((s) => `127.0.0.1:${s.port}`).join(","),
      REDIS_COMMIT_COPIES: "1",
      REDIS_COMMIT_TO: commitsToDisk ? "disk" : "memory",
    };
  }

  /** Main according to at least two Sentinels. */
  get main(): Redis {
    const ports = this.sentinels.map((s) => s.mainPort);
    const agreed = ports.find((port, i) => ports.indexOf(port) !== i);
    return this.members.find((m) => m.port === agreed)!;
  }

  /**
   * Main's epoch, as two Sentinels report it. Its last digit is that of the first member, because all members have the
   * same host.
   */
  get epoch(): number {
    const epochs = this.sentinels.map((s) => s.epoch);
    return 10 * epochs.find((epoch, i) => epochs.indexOf(epoch) !== i)!;
  }

  get others(): readonly Redis[] {
    const { main } = this;
    return this.members.filter((m) => m !== main);
  }

  async stop(): Promise<void> {
    await this.guard?.stop();
    for (const s of this.sentinels) s.stop();
    await Promise.all([...this.members, ...(this.reader ? [this.reader] : [])].map((r) => r.stop()));
  }
}

/** The `ids` that `redis` does not have. Each id was written with itself as its value. */
export function missing(redis: Redis, ids: readonly string[]): string[] {
  const lost: string[] = [];
  for (let i = 0; i < ids.length; i += 500) {
    const some = ids.slice(i, i + 500);
    const values = redis.cli("MGET", ...some).split("\n");
    some.forEach((id, k) => values[k] === id || lost.push(id));
  }
  return lost;
}
