/** Members whose guards run against stand-ins for Sentinels, whose replies are files. */
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { MEMBERS, RedisMembers, type Member } from "./redis-members";

const REAL = spawnSync("sh", ["-c", "command -v redis-cli"], { encoding: "utf8" }).stdout.trim();
/** Shorter times of guard.sh. */
const SHORTER = { "UNLINKED=25": "UNLINKED=2", "STUCK=10": "STUCK=1", "UNMET=1000": "UNMET=300" };

export class GuardedMembers extends RedisMembers {
  /** @param network distinguishes the groups of one test process, 0 to 9 */
  constructor(network: number) {
    super(network, SHORTER);
    for (const i of MEMBERS) {
      // replies of Sentinels come from files; requests are recorded
      fs.writeFileSync(
        path.join(this.pod(i), "bin/redis-cli"),
        `#!/bin/sh
case $4 in ${this.sentinelPort})
  read -r _auth; read -r command
  echo OK
  case $command in *IS-MASTER-DOWN*) echo "$2 $command" >>${this.dir}/votes ;; *FAILOVER*) echo "$2" >>${this.dir}/failovers; cat "${this.dir}/refusal $2" 2>/dev/null || cat ${this.dir}/refusal 2>/dev/null || echo OK ;; *) cat "${this.dir}/$2 $command" 2>/dev/null ;; esac
  exit 0 ;;
esac
# ended by its timeout before the reply to GET commit
[ ! -e "${this.dir}/slow $2" ] || { ${REAL} "$@" | awk '{ print } /^OK/ && ++n == 2 { exit }'; exit 0; }
exec ${REAL} "$@"
`,
        { mode: 0o755 },
      );
    }
    fs.chmodSync(this.dir, 0o777);
  }

  /** The Sentinels of these members report a main, in an epoch. */
  name(main: Member, epoch: number, ...by: Member[]): void {
    for (const i of by) {
      const ip = this.pool[main]!;
      const at = (command: string) => path.join(this.dir, `${this.pool[i]} SENTINEL ${command} main`);
      fs.writeFileSync(at("GET-MASTER-ADDR-BY-NAME"), `${ip}\n${this.port}\n`);
      fs.writeFileSync(at("MASTER"), `name\nmain\nip\n${ip}\nport\n${this.port}\nconfig-epoch\n${epoch}\n`);
    }
  }

  /** Starts a member with its data: one key and a record; nothing if no record is given. */
  async start(i: Member, record?: string, ...settings: string[]): Promise<void> {
    this.startRedis(i, ...settings);
    await this.until(`member ${i}`, () => this.cli(i, "PING") === "PONG");
    if (record === undefined) return;
    await this.until(`data of ${i}`, () => {
      this.cli(i, "CONFIG", "SET", "min-replicas-to-write", "0");
      this.cli(i, "SET", `of-${i}`, "1");
      if (record) this.cli(i, "-n", "1", "SET", "commit", record);
      // as the guard left it
      this.cli(i, "CONFIG", "SET", "min-replicas-to-write", "1000");
      return this.cli(i, "GET", `of-${i}`) === "1" && this.cli(i, "-n", "1", "GET", "commit") === record;
    });
  }

  follow(i: Member, main: Member): void {
    this.cli(i, "REPLICAOF", this.pool[main]!, String(this.port));
  }

  linked(i: Member): boolean {
    return this.field(i, "master_link_status") === "up";
  }

  /** The reason that the readiness probe prints. */
  said(i: Member): string {
    return this.script(i, "probe.sh", "member").stdout.trim();
  }
}
