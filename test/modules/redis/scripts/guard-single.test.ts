/**
 * A change of `redis.durability` to ha: the new members copy a single main, which acknowledges writes alone until its
 * pod is replaced. With real redis-server processes and stand-ins for Sentinels.
 */
import * as fs from "node:fs";
import * as path from "node:path";
import { GuardedMembers } from "../../../helpers/guarded-members";
import { hasMembers, type Member } from "../../../helpers/redis-members";

if (!hasMembers) console.warn("SKIPPED: a change to ha: redis-server is not installed, or this is not Linux");
const suite = hasMembers ? describe : describe.skip;

suite("a new member, whose main is still a single one", () => {
  let group: GuardedMembers;
  let network = 0;
  beforeEach(() => {
    group = new GuardedMembers(network++ % 10);
  });
  afterEach(() => group.stop());

  /** As a single main, which has neither records, users of the group, nor a Sentinel. */
  const single = (i: Member) => {
    group.cli(i, "ACL", "SETUSER", "probe", "-get", "-select", "resetkeys");
    group.cli(i, "ACL", "DELUSER", `member-${i}`);
  };
  const member = (i: Member) => expect(group.script(i, "reload-access.sh", "redis")).toMatchObject({ status: 0 });
  const unlink = (i: Member) => group.cli(i, "CLIENT", "KILL", "TYPE", "replica");
  const priority = (i: Member) => group.setting(i, "replica-priority");

  it.each(["", "40 5 40 1"])(
    "is not promoted before it has linked to the member that replaces it, whatever its own record is (%j)",
    async (record) => {
      await group.start(0, "");
      single(0);
      await group.start(1, record);
      group.follow(1, 0);
      await group.until("the link", () => group.linked(1));
      await group.until("the end of the permission", () => group.setting(1, "masteruser") === "unverified");
      expect(priority(1)).toBe("0");
      // the single main acknowledges more, and stops; this member's pod restarts meanwhile
      await group.kill(0, "redis");
      await group.kill(1, "redis");
      group.startRedis(1, "--replicaof", group.pool[0]!, String(group.port));
      await group.until("the reason", () => group.said(1).includes("may have been a single main with more data"));
      await new Promise((resolve) => setTimeout(resolve, 4000));
      expect(priority(1)).toBe("0");
      // as a member
      await group.start(0);
      await group.until("the link", () => group.linked(1));
      await group.until("the end of the wait", () => priority(1) === "100");
      await group.kill(0, "redis");
      await group.until("the loss of the link", () => !group.linked(1));
      await new Promise((resolve) => setTimeout(resolve, 1500));
      expect(priority(1)).toBe("100");
    },
    90_000,
  );

  it("is promoted without it only if an operator accepts the loss of that main's data, not of other data", async () => {
    await group.start(0, "");
    single(0);
    await group.start(1);
    group.follow(1, 0);
    await group.until("the link", () => group.linked(1));
    await group.kill(0, "redis");
    await group.until("the loss of the link", () => !group.linked(1));
    const today = new Date().toISOString().slice(0, 10);
    const command = `create configmap redis-main-start-empty --from-literal=on=${today},${group.pool[0]}`;
    await group.until("the command", () => group.said(1).includes(command));
    // of the same day, for an empty main, or for another member
    for (const other of ["", `,${group.pool[2]}`]) {
      fs.writeFileSync(path.join(group.pod(1), "start-empty/on"), `${today}${other}`);
      await new Promise((resolve) => setTimeout(resolve, 2000));
      expect(priority(1)).toBe("0");
    }
    fs.writeFileSync(path.join(group.pod(1), "start-empty/on"), `${today},${group.pool[0]}`);
    await group.until("the consent", () => priority(1) === "100");
  }, 60_000);

  it("links as a member as soon as main has the users of the group", async () => {
    await group.start(0, "");
    single(0);
    await group.start(1);
    group.follow(1, 0);
    await group.until("the link", () => group.linked(1));
    await group.until("the end of the permission", () => group.setting(1, "masteruser") === "unverified");
    member(0);
    unlink(0);
    await group.until("the end of the wait", () => priority(1) === "100");
  }, 60_000);
  it("is not promoted immediately after its start if main does not answer, which may be a single one", async () => {
    await group.start(1, "40 5 40");
    await group.kill(1, "redis");
    await group.start(1, undefined, "--replicaof", group.pool[0]!, String(group.port));
    await group.until("the reason", () => group.said(1).includes("does not answer as main"));
    expect(priority(1)).toBe("0");
    await group.until("the end of the wait", () => priority(1) === "100");
  }, 60_000);
});
