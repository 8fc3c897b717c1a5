/**
 * A change of `redis.durability` from ha: redis-main-0 becomes the single main only if no other member was main after
 * it. With the project's scripts, and real Redis and Sentinel processes.
 */
import * as fs from "node:fs";
import * as path from "node:path";
import { hasMembers, MEMBERS, RedisMembers, type Member } from "../../../helpers/redis-members";

if (!hasMembers) console.warn("SKIPPED: a change from ha: redis-server is not installed, or this is not Linux");
const suite = hasMembers ? describe : describe.skip;

suite("redis-main-0, when the other members are removed", () => {
  let group: RedisMembers;
  let network = 6;
  beforeEach(async () => {
    group = new RedisMembers(network++);
    for (const i of MEMBERS) {
      group.run(i, "redis", "exec sh etc/start-member.sh");
      group.run(i, "sentinel", "sh etc/tune-sentinel.sh & exec sh etc/start-sentinel.sh");
    }
    const copies = [1, 2] as const;
    await group.until("a group", () => copies.every((i) => group.field(i, "slave_priority") === "100"), 90);
    await group.until("a main that accepts writes", () => group.cli(0, "SET", "first", "1") === "OK");
    await group.until("informed Sentinels", () => copies.every((i) => group.knowsCopies(i)));
  }, 120_000);
  afterEach(() => group.stop());

  const remove = (i: Member) => Promise.all((["redis", "sentinel"] as const).map((name) => group.kill(i, name)));
  /** As a pod with another template, whose main is a single one. */
  function startAlone() {
    for (const name of fs.readdirSync(path.join(group.pod(0), "run"))) fs.rmSync(path.join(group.pod(0), "run", name));
    return group.run(0, "redis", "exec sh etc/start-main.sh");
  }

  it("does not start as a single main if another member became main after its own Sentinel had ended", async () => {
    await group.kill(0, "sentinel");
    expect(group.script(0, "stop-member.sh").status).toBe(0);
    await group.until("another main", () => [1, 2].some((i) => group.field(i as Member, "role") === "master"));
    await remove(0);
    await group.until("a newer write", () => [1, 2].some((i) => group.cli(i as Member, "SET", "later", "1") === "OK"));
    await Promise.all([remove(1), remove(2)]);
    expect(fs.readFileSync(path.join(group.pod(0), "data/sentinel/sentinel.conf"), "utf8")).toMatch(
      new RegExp(`^sentinel monitor main "?${group.pool[0]}`, "m"),
    );
    const main = startAlone();
    await group.until("the end of its start", () => main.exitCode !== null || group.cli(0, "PING") === "PONG");
    expect(main.exitCode).toBe(1);
    expect(group.log(0)).toContain("may have become main after this one stopped");
  }, 120_000);

  describe("and its process ends before its pod is replaced", () => {
    const mark = () => fs.readFileSync(path.join(group.pod(0), "data/sentinel/of-member"), "utf8");
    beforeEach(async () => {
      await Promise.all([remove(1), remove(2)]);
      // as scripts/redis/leave-group.ts does
      fs.writeFileSync(path.join(group.pod(0), "data/sentinel/of-member"), `${Math.floor(Date.now() / 1000)} alone\n`);
      // Kubernetes no longer mounts the addresses
      fs.rmSync(path.join(group.pod(0), "etc/pool"));
      await group.kill(0, "redis");
      group.run(0, "redis", "exec sh etc/start-member.sh");
      await new Promise((resolve) => setTimeout(resolve, 3000));
    });
    it("starts as a single main, with all data", async () => {
      expect(group.cli(0, "PING")).toBe("");
      expect(group.script(0, "stop-member.sh").status).toBe(0);
      await remove(0);
      startAlone();
      await group.until("a single main", () => group.cli(0, "GET", "first") === "1");
    }, 120_000);
    it("does not start as a single main if another member has come back meanwhile", async () => {
      expect(mark()).toContain("alone");
      group.run(1, "sentinel", "exec sh etc/start-sentinel.sh");
      await group.until("the member to notice", () => mark() === "");
      await Promise.all([remove(0), remove(1)]);
      const main = startAlone();
      await group.until("the end of its start", () => main.exitCode !== null || group.cli(0, "PING") === "PONG");
      expect(main.exitCode).toBe(1);
    }, 120_000);
  });

  it("starts as a single main, with all data, if it was main when the others had ended", async () => {
    await Promise.all([remove(1), remove(2), group.kill(0, "sentinel")]);
    expect(group.script(0, "stop-member.sh").status).toBe(0);
    // writes stay refused until it stops
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(group.cli(0, "SET", "later", "1")).toContain("NOREPLICAS");
    await remove(0);
    startAlone();
    await group.until("a single main", () => group.cli(0, "GET", "first") === "1");
  }, 120_000);
});
