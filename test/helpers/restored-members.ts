/** Members that run the steps of `npm run restore` and start with start-member.sh, with stand-ins for Sentinels. */
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import type { Kube, KubeObject } from "../../scripts/cluster/kubectl";
import { GuardedMembers } from "./guarded-members";
import { MEMBERS, type Member } from "./redis-members";

/** Main's epoch: config-epoch 8 of member 0. */
const EPOCH = 80;
/** What the API sends after each group of writes: fails if main has promised a greater epoch. */
const FENCE = `redis.call('SELECT', 1)
local epoch, count, promised, rest = string.match(redis.call('GET', 'commit'), '^(%d+) (%d+) (%d+)(.*)$')
if tonumber(epoch) > ${EPOCH} or tonumber(promised) > ${EPOCH} then return 'STALE' end
redis.call('SET', 'commit', string.format('${EPOCH} %.0f ${EPOCH}%s', count + 1, rest))
return 'OK'`;

export class RestoredMembers extends GuardedMembers {
  readonly pods = MEMBERS.map((i) => `redis-main-${i}`);
  /** Commands of the restore, in order. */
  readonly calls: string[] = [];
  /** Whether the command has been killed before the given call, which then never returns. */
  killedAt: (call: string) => boolean = () => false;

  /** The cluster, whose pods are the members. */
  readonly kube = {
    config: { namespaces: { app: "shop" } },
    raw: (args: readonly string[]) => this.exec(args),
    list: () => Promise.resolve(this.pods.map((pod) => this.object(pod))),
    get: (_: string, name: string) => Promise.resolve(this.object(name)),
  } as unknown as Kube;

  /** Starts all members, with main 0 and one key. */
  async startAll(): Promise<void> {
    this.name(0, EPOCH / 10, ...MEMBERS);
    await this.start(0, `${EPOCH} 5 ${EPOCH}`);
    this.cli(0, "SET", "of-0", "1");
    await this.kill(0, "redis");
    for (const i of MEMBERS) this.startMember(i);
    await this.until("the links", () => this.linked(1) && this.linked(2));
    await this.until("a write", () => this.write("before"));
  }

  /** Starts a member as its container does, which restarts when Redis ends. */
  startMember(i: Member): void {
    this.run(i, "redis", "while :; do sh etc/start-member.sh; sleep 0.3; done");
  }

  /** Whether a write is confirmed: another member has it, too. */
  write(key: string): boolean {
    if (this.cli(0, "SET", key, "1") !== "OK" || this.cli(0, "EVAL", FENCE, "0") !== "OK") return false;
    for (let n = 0; n < 20; n++) if ([1, 2].some((i) => this.cli(i as Member, "GET", key) === "1")) return true;
    return false;
  }

  record(i: Member): string {
    return this.cli(i, "-n", "1", "GET", "commit");
  }

  files(i: Member): readonly string[] {
    const folder = path.join(this.pod(i), "data/restore");
    return fs.existsSync(folder) ? fs.readdirSync(folder).sort() : [];
  }

  /** Puts a snapshot with the key `from` onto every volume, as the upload does. */
  async upload(): Promise<void> {
    const port = ["--port", "0", "--unixsocket", path.join(this.dir, "maker"), "--dir", this.dir];
    const script = `redis-server ${port.join(" ")} --save '' --daemonize yes >/dev/null
until redis-cli -s ${this.dir}/maker PING >/dev/null 2>&1; do sleep 0.1; done
redis-cli -s ${this.dir}/maker SET from snapshot
redis-cli -s ${this.dir}/maker SAVE
redis-cli -s ${this.dir}/maker SHUTDOWN NOSAVE`;
    spawnSync("sh", ["-c", script]);
    for (const i of MEMBERS) {
      const folder = path.join(this.pod(i), "data/restore");
      fs.mkdirSync(folder, { recursive: true });
      fs.copyFileSync(path.join(this.dir, "dump.rdb"), path.join(folder, "incoming.rdb"));
      this.handOver(i);
    }
  }

  /** Whether the queries of a member to the others get no reply. */
  isolate(i: Member, isolated: boolean): void {
    const file = path.join(this.dir, `isolated ${this.pool[i]}`);
    if (isolated) fs.writeFileSync(file, "");
    else fs.rmSync(file, { force: true });
  }

  constructor(network: number) {
    super(network);
    for (const i of MEMBERS) {
      const at = path.join(this.pod(i), "bin/redis-cli");
      const text = fs.readFileSync(at, "utf8").replace(
        "#!/bin/sh\n",
        `#!/bin/sh
if [ -e "${this.dir}/isolated ${this.pool[i]}" ] && [ "$2:$4" != "${this.pool[i]}:${this.port}" ] && [ $4 != ${this.sentinelPort} ]; then
  cat >/dev/null
  exit 1
fi
`,
      );
      fs.writeFileSync(at, text, { mode: 0o755 });
    }
  }

  private object(name: string): KubeObject {
    return {
      metadata: { name },
      status: { phase: "Running", conditions: [{ type: "Ready", status: "True" }] },
    } as unknown as KubeObject;
  }

  private exec(args: readonly string[]): Promise<string> {
    const i = MEMBERS.find((n) => args.includes(this.pods[n]!))!;
    const command = args.at(-1)!;
    const call = /restore\.sh (\w+)/.exec(command)?.[1] ?? (command.includes("rm -f") ? "disarm" : undefined);
    if (call) this.calls.push(`${call} ${i}`);
    if (this.killedAt(call ? this.calls.at(-1)! : "query")) return new Promise(() => undefined);
    const script = command
      .replaceAll("/etc/redis", path.join(this.pod(i), "etc"))
      .replaceAll("/run/secrets/redis", path.join(this.pod(i), "secret"))
      .replaceAll("/data", path.join(this.pod(i), "data"))
      .replaceAll("redis-cli", `redis-cli -h ${this.pool[i]} -p ${this.port}`);
    const { status, stdout, stderr } = spawnSync("sh", ["-c", script], { encoding: "utf8", env: this.env(i) });
    this.handOver(i);
    return status === 0 ? Promise.resolve(stdout) : Promise.reject(new Error(stderr));
  }
}
