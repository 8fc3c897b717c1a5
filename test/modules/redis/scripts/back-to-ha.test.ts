/**
 * A change of `redis.durability` back to ha: the new members have the volumes of an earlier group, which lack what the
 * single main has acknowledged since. With the project's scripts, and real Redis and Sentinel processes.
 */
import * as fs from "node:fs";
import * as path from "node:path";
import { hasMembers, RedisMembers, type Member } from "../../../helpers/redis-members";

if (!hasMembers) console.warn("SKIPPED: a change back to ha: redis-server is not installed, or this is not Linux");
const suite = hasMembers ? describe : describe.skip;

const resp = (...words: string[]) => `*${words.length}\r\n${words.map((w) => `$${w.length}\r\n${w}\r\n`).join("")}`;

suite("new members with the volumes of an earlier group", () => {
  let group: RedisMembers;
  beforeEach(() => {
    group = new RedisMembers(8);
  });
  afterEach(() => group.stop());

  /** A volume with the keys `of-group` and, on that of a single main, `of-single`. */
  function fill(i: Member, record: string, ...keys: string[]): void {
    const put = (name: string, text: string) => {
      const file = path.join(group.pod(i), "data", name);
      fs.mkdirSync(path.dirname(file), { recursive: true });
      fs.writeFileSync(file, text);
    };
    const data = [["SELECT", "0"], ...keys.map((key) => ["SET", key, "1"]), ["SELECT", "1"], ["SET", "commit", record]];
    put("appendonlydir/appendonly.aof.1.incr.aof", data.map((words) => resp(...words)).join(""));
    put("appendonlydir/appendonly.aof.manifest", "file appendonly.aof.1.incr.aof seq 1 type i\n");
    // the Services of that group had other addresses
    const pool = ["10.9.9.1", "10.9.9.2", "10.9.9.3"];
    put("sentinel/pool", `${pool.join("\n")}\n`);
    put(
      "sentinel/sentinel.conf",
      [
        `sentinel announce-ip ${pool[i]}`,
        `sentinel monitor main ${pool[0]} ${group.port} 2`,
        "sentinel config-epoch main 4",
        "sentinel leader-epoch main 4",
        "sentinel current-epoch 4",
        "",
      ].join("\n"),
    );
    group.handOver(i);
  }
  function start(i: Member): void {
    group.run(i, "redis", "while :; do sh etc/start-member.sh; sleep 0.5; done");
    group.run(i, "sentinel", "sh etc/tune-sentinel.sh & while :; do sh etc/start-sentinel.sh; sleep 0.5; done");
  }
  const priority = (i: Member) => group.field(i, "slave_priority");

  it("are not promoted while redis-main-0 does not answer, and get what it has acknowledged", async () => {
    fill(0, "40 1000000 40", "of-group", "of-single");
    for (const i of [1, 2] as const) {
      fill(i, "40 5 40", "of-group");
      start(i);
    }
    const down = (i: Member) => group.cli(i, "-p", group.sentinelPort, "SENTINEL", "MASTER", "main").includes("o_down");
    await group.until("both Sentinels to find redis-main-0 down", () => down(1) && down(2), 90);
    // longer than the time after which a member that has seen no main may otherwise be promoted
    for (const end = Date.now() + 20_000; Date.now() < end;) {
      await new Promise((resolve) => setTimeout(resolve, 500));
      expect([1, 2].map((i) => [i, group.field(i as Member, "role"), priority(i as Member)])).toEqual([
        [1, "slave", "0"],
        [2, "slave", "0"],
      ]);
    }
    start(0);
    await group.until("promotable copies of redis-main-0", () => priority(1) === "100" && priority(2) === "100", 90);
    expect([0, 1, 2].map((i) => group.cli(i as Member, "GET", "of-single"))).toEqual(["1", "1", "1"]);
  }, 240_000);

  it("are promoted in a group that goes on with the same addresses", async () => {
    for (const i of [0, 1, 2] as const) {
      fill(i, "40 5 40", "of-group");
      fs.writeFileSync(path.join(group.pod(i), "data/sentinel/pool"), `${group.pool.join("\n")}\n`);
      const conf = path.join(group.pod(i), "data/sentinel/sentinel.conf");
      fs.writeFileSync(conf, fs.readFileSync(conf, "utf8").replaceAll("10.9.9.1", group.pool[0]!));
    }
    for (const i of [1, 2] as const) start(i);
    await group.until("a promotion", () => [1, 2].some((i) => group.field(i as Member, "role") === "master"), 90);
  }, 120_000);
});
