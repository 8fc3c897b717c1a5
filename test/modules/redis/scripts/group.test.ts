/**
 * A whole Sentinel group under faults, with the project's scripts, real Redis and Sentinel, and writers that maintain
 * the commit record.
 */
import { spawn, type ChildProcess } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { COMMIT_WRITER } from "../../../helpers/commit-writer";
import { HELD, missing, parseKept } from "../../../helpers/ledger-writer";
import { hasMembers, MEMBERS, RedisMembers, type Member } from "../../../helpers/redis-members";
import { PASSWORD } from "../../../helpers/redis-pod";

if (!hasMembers)
  console.warn("SKIPPED: a Sentinel group under faults: redis-server is not installed, or this is not Linux");
const suite = hasMembers ? describe : describe.skip;

suite("a Sentinel group", () => {
  let group: RedisMembers;
  const writers: ChildProcess[] = [];
  const folders: string[] = [];

  const start = (i: Member) => {
    // restarted, as by the kubelet
    group.run(i, "redis", "while :; do sh etc/start-member.sh; sleep 0.5; done");
    group.run(i, "sentinel", "sh etc/tune-sentinel.sh & while :; do sh etc/start-sentinel.sh; sleep 0.5; done");
  };
  const mains = () => MEMBERS.filter((i) => group.field(i, "role") === "master");
  const healthy = () =>
    group.until(
      "a healthy group",
      () => {
        const [main, ...more] = mains();
        if (main === undefined || more.length) return false;
        return MEMBERS.every(
          (i) =>
            i === main ||
            (group.field(i, "master_host") === group.pool[main] &&
              group.field(i, "master_link_status") === "up" &&
              group.field(i, "slave_priority") === "100"),
        );
      },
      90,
    );
  const kept = () =>
    new Map(folders.flatMap((folder) => [...parseKept(fs.readFileSync(path.join(folder, "kept"), "utf8"))]));
  const writesGoOn = async () => {
    const before = kept().size;
    await group.until("acknowledged writes", () => kept().size > before + 20, 90);
  };
  const nothingIsMissing = async () => {
    await healthy();
    const all = kept();
    for (const i of MEMBERS) expect([i, missing(all, group.cli(i, "EVAL_RO", HELD, "0"))]).toEqual([i, []]);
  };

  beforeAll(async () => {
    group = new RedisMembers(9);
    for (const i of MEMBERS) start(i);
    await healthy();
    for (const name of ["a", "b", "c"]) {
      const folder = path.join(group.dir, name);
      fs.mkdirSync(folder);
      fs.writeFileSync(path.join(folder, "kept"), "");
      folders.push(folder);
      const env = { REDIS_PORT: String(group.port), SENTINEL_PORT: group.sentinelPort, POOL: group.pool.join(",") };
      writers.push(
        spawn(process.execPath, ["-e", COMMIT_WRITER, name, folder], { env: { ...env, PASSWORD }, stdio: "ignore" }),
      );
    }
    await writesGoOn();
  }, 120_000);
  afterAll(() => {
    for (const writer of writers) writer.kill("SIGKILL");
    group.stop();
  });

  it("keeps every acknowledged write when failovers are forced", async () => {
    for (const n of [0, 1, 2]) {
      const [main = 0] = mains();
      const via = ((main + 1 + (n % 2)) % 3) as Member;
      await group.until(`Sentinel ${via} to know both copies`, () => group.knowsCopies(via));
      expect(group.cli(via, "-p", group.sentinelPort, "SENTINEL", "FAILOVER", "main")).toBe("OK");
      await new Promise((resolve) => setTimeout(resolve, 1000));
      await writesGoOn();
      await healthy();
    }
    await nothingIsMissing();
  }, 300_000);

  it("recovers by itself after a power failure of all members in which main's volume is lost", async () => {
    const [main = 0] = mains();
    await Promise.all(
      MEMBERS.flatMap((i) => (["redis", "sentinel"] as const).map((container) => group.kill(i, container))),
    );
    group.loseVolume(main);
    for (const i of MEMBERS) start(i);
    await writesGoOn();
    expect(mains()).not.toContain(main);
    await nothingIsMissing();
    expect(group.log(main)).not.toContain("create configmap");
  }, 240_000);

  it("recovers by itself after a power failure of all members", async () => {
    await Promise.all(
      MEMBERS.flatMap((i) => (["redis", "sentinel"] as const).map((container) => group.kill(i, container))),
    );
    for (const i of MEMBERS) start(i);
    await writesGoOn();
    await nothingIsMissing();
  }, 240_000);

  it.each(["empty", "missing"])(
    "recovers by itself after a power failure that left the Sentinels' files %s, although redis-main-0 lacks writes",
    async (state) => {
      // an epoch above that of new Sentinels, and a different main from the one that these assume
      for (let n = 0; n < 2 || mains()[0] === 0; n++) {
        const [main = 0] = mains();
        group.cli(((main + 1) % 3) as Member, "-p", group.sentinelPort, "SENTINEL", "FAILOVER", "main");
        await new Promise((resolve) => setTimeout(resolve, 1000));
        await healthy();
      }
      const end = (...members: Member[]) =>
        Promise.all(
          members.flatMap((i) => (["redis", "sentinel"] as const).map((container) => group.kill(i, container))),
        );
      await end(0);
      await writesGoOn();
      await end(1, 2);
      for (const i of MEMBERS) {
        const folder = path.join(group.pod(i), "data/sentinel");
        if (state === "empty") fs.truncateSync(path.join(folder, "sentinel.conf"));
        else fs.rmSync(folder, { recursive: true });
      }
      for (const i of MEMBERS) start(i);
      await writesGoOn();
      await nothingIsMissing();
    },
    240_000,
  );
});
