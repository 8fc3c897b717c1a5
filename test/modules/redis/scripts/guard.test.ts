/**
 * What guard.sh allows a member to replicate and write, with real redis-server processes and stand-ins for Sentinels.
 */
import * as fs from "node:fs";
import * as path from "node:path";
import { spawn, type ChildProcess } from "node:child_process";
import { GuardedMembers } from "../../../helpers/guarded-members";
import { hasMembers, MEMBERS, type Member } from "../../../helpers/redis-members";
import { PASSWORD } from "../../../helpers/redis-pod";

if (!hasMembers) console.warn("SKIPPED: the guard of a member: redis-server is not installed, or this is not Linux");
const suite = hasMembers ? describe : describe.skip;

suite("the guard of a member", () => {
  let group: GuardedMembers;
  let network = 0;
  const others: ChildProcess[] = [];
  beforeEach(() => {
    group = new GuardedMembers(network++ % 10);
  });
  afterEach(() => {
    for (const child of others.splice(0)) child.kill("SIGKILL");
    group.stop();
  });
  const start = (i: Member, record?: string, ...settings: string[]) => group.start(i, record, ...settings);
  const follow = (i: Member, main: Member) => group.follow(i, main);
  const linked = (i: Member) => group.linked(i);
  const said = (i: Member) => group.said(i);

  it("links it to a main that has at least as much data, for this one link", async () => {
    await start(0, "3 8 3");
    await start(1, "3 7 3");
    follow(1, 0);
    await group.until("the link", () => linked(1));
    expect(group.cli(1, "GET", "of-0")).toBe("1");
    await group.until("the end of the permission", () => group.setting(1, "masteruser") === "unverified");
    expect([group.setting(1, "replica-priority"), group.setting(1, "min-replicas-to-write")]).toEqual(["100", "1000"]);
    // once a member follows it, main accepts writes
    await group.until("writes on main", () => group.cli(0, "SET", "a", "1") === "OK");
    expect(said(1)).toBe("");
  }, 60_000);

  it("keeps its data while main's record is behind, and has itself promoted instead", async () => {
    await start(0, "4 2 4");
    await start(1, "4 3 4");
    follow(1, 0);
    await group.until("the reason", () =>
      said(1).includes(`does not follow main ${group.pool[0]}, whose record is behind`),
    );
    await group.until("the request", () => fs.existsSync(path.join(group.dir, "failovers")));
    // its own Sentinel first
    expect(fs.readFileSync(path.join(group.dir, "failovers"), "utf8")).toBe(`${group.pool[1]}\n`);
    expect([linked(1), group.cli(1, "GET", "of-1"), group.setting(1, "replica-priority")]).toEqual([false, "1", "50"]);
  }, 60_000);

  it("leaves the promotion to the member with the most data", async () => {
    await start(0, "4 2 4");
    await start(1, "4 3 4");
    await start(2, "4 9 4");
    for (const i of [1, 2] as const) follow(i, 0);
    await group.until("the request", () => fs.existsSync(path.join(group.dir, "failovers")));
    expect(fs.readFileSync(path.join(group.dir, "failovers"), "utf8")).toBe(`${group.pool[2]}\n`);
    await group.until("the priorities", () => group.setting(1, "replica-priority") === "0");
    expect([linked(1), linked(2), group.setting(2, "replica-priority")]).toEqual([false, false, "50"]);
  }, 60_000);

  it("does not link it to a main of a later epoch that lacks its promise, until main makes it", async () => {
    group.name(0, 8, 0, 1);
    await start(0, "6 1 6");
    await start(1, "5 9 7");
    follow(1, 0);
    await group.until("the reason", () => said(1).includes("whose record is behind: 6 1 6 0, here 5 9 7 0"));
    // main may make a promise although no other member follows it
    await group.until("the promise", () => group.setting(0, "min-replicas-to-write") === "0");
    expect(linked(1)).toBe(false);
    group.cli(0, "-n", "1", "SET", "commit", "6 1 8");
    await group.until("the link", () => linked(1));
  }, 60_000);

  it("links one without data to the main that has everything that the third member has", async () => {
    await start(0, "3 8 3");
    await start(2, "3 9 3");
    await start(1);
    follow(1, 0);
    await group.until("the reason", () => said(1).includes("holds no data, and waits"));
    expect([linked(1), group.setting(1, "replica-priority")]).toEqual([false, "0"]);
    group.cli(0, "CONFIG", "SET", "min-replicas-to-write", "0");
    group.cli(0, "-n", "1", "SET", "commit", "4 0 4");
    await group.until("the link", () => linked(1));
  }, 60_000);

  it("links one without data, if the third member does not answer, only to a main that both others' Sentinels report in its epoch", async () => {
    // as the API writes config-epoch 3 of member 0
    await start(0, "30 8 30");
    await start(1);
    follow(1, 0);
    group.name(0, 3, 0, 1);
    await group.until("the reason", () => said(1).includes("holds no data, and waits"));
    group.name(0, 4, 0, 2);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(linked(1)).toBe(false);
    group.name(0, 3, 0, 2);
    await group.until("the link", () => linked(1));
  }, 60_000);

  it("links one without data although the third member does not answer, if an operator accepts the loss of that member's data", async () => {
    await start(0, "30 8 30");
    await start(1);
    follow(1, 0);
    const today = new Date().toISOString().slice(0, 10);
    const consent = (text: string) => fs.writeFileSync(path.join(group.pod(1), "start-empty/on"), text);
    await group.until("the command", () => said(1).includes(`--from-literal=on=${today},${group.pool[2]}`));
    // of the same day, for an empty main
    consent(today);
    await new Promise((resolve) => setTimeout(resolve, 2000));
    expect(linked(1)).toBe(false);
    consent(`${today},${group.pool[2]}`);
    await group.until("the link", () => linked(1));
  }, 60_000);

  it("does not link one without data if the query of the third member ends before its record is known", async () => {
    await start(0, "30 8 30");
    await start(2, "30 9 30");
    fs.writeFileSync(path.join(group.dir, `slow ${group.pool[2]}`), "");
    await start(1);
    follow(1, 0);
    await group.until("the reason", () => said(1).includes("holds no data, and waits"));
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(linked(1)).toBe(false);
  }, 60_000);

  it("links one that missed a restore to the main with the restored data, whatever data and promises it has", async () => {
    await start(0, "0 0 0 2");
    await start(1, "41 7 50 1");
    follow(1, 0);
    await group.until("the link", () => linked(1));
    expect(group.cli(1, "GET", "of-1")).toBe("");
  }, 60_000);

  it("keeps restored data from a main that missed the restore, and has it promoted instead", async () => {
    await start(0, "41 7 41");
    await start(1, "0 0 0 1");
    follow(1, 0);
    await group.until("the request", () => fs.existsSync(path.join(group.dir, "failovers")));
    expect([linked(1), group.cli(1, "GET", "of-1")]).toEqual([false, "1"]);
  }, 60_000);

  const SEALED = "1800000000000001";
  it("ignores its promise to a restore once no other member can make it, because all others have more data", async () => {
    await start(0, "90 3 90");
    await start(1, `80 6 ${SEALED}`);
    follow(1, 0);
    await group.until("the reason", () => said(1).includes("whose record is behind"));
    await new Promise((resolve) => setTimeout(resolve, 1500));
    // the third member may follow this one, and make the promise
    expect(linked(1)).toBe(false);
    await start(2, "80 5 90");
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect([linked(1), group.cli(1, "-n", "1", "GET", "commit")]).toEqual([false, `80 6 ${SEALED}`]);
    group.cli(2, "CONFIG", "SET", "min-replicas-to-write", "0");
    group.cli(2, "-n", "1", "SET", "commit", "90 2 90");
    await group.until("the link", () => linked(1));
  }, 60_000);

  it("requests no failover above a promise to a restore, which is not an epoch", async () => {
    group.name(0, 8, 0, 1, 2);
    await start(0, `80 6 ${SEALED}`);
    await start(1, `80 6 ${SEALED}`);
    follow(1, 0);
    await group.until("the link", () => linked(1));
    await new Promise((resolve) => setTimeout(resolve, 20_000));
    expect(fs.existsSync(path.join(group.dir, "votes"))).toBe(false);
  }, 60_000);

  it("restarts a member that has the most data, but that no Sentinel promotes because it was without main for too long", async () => {
    fs.writeFileSync(path.join(group.dir, "refusal"), "NOGOODSLAVE No suitable replica to promote\n");
    await start(0, "4 3 4");
    await start(1, "4 3 4");
    follow(1, 0);
    await group.until("the end of the permission", () => linked(1) && group.setting(1, "masteruser") === "unverified");
    await group.kill(0, "redis");
    group.loseVolume(0);
    await start(0, "4 2 4");
    await group.until("the restart", () => group.log(1).includes("restarting Redis"), 30);
    await group.until("the end of Redis", () => group.cli(1, "PING") === "");
    expect(fs.readFileSync(path.join(group.dir, "failovers"), "utf8").trim().split("\n")).toEqual(
      expect.arrayContaining([...group.pool]),
    );
  }, 60_000);

  /** The Sentinels have found main 0 down for the given number of seconds, and promote no copy. */
  const isDown = (seconds: number) => {
    for (const i of MEMBERS) {
      const reply = [
        "name",
        "main",
        "ip",
        group.pool[0],
        "port",
        group.port,
        "flags",
        "s_down,o_down,master",
        "s-down-time",
        seconds * 1000,
        "",
      ];
      fs.writeFileSync(path.join(group.dir, `${group.pool[i]} SENTINEL MASTER main`), reply.join("\n"));
    }
  };
  it("restarts a copy that was without main for too long before main stopped, so that main is replaced or starts", async () => {
    await start(0, "4 3 4");
    await start(1, "4 3 4");
    follow(1, 0);
    await group.until("the end of the permission", () => linked(1) && group.setting(1, "masteruser") === "unverified");
    await group.kill(0, "redis");
    await new Promise((resolve) => setTimeout(resolve, 8000));
    // for Sentinels that see main, and while they may still promote this copy
    expect(group.cli(1, "PING")).toBe("PONG");
    isDown(1);
    await group.until("the restart", () => group.log(1).includes("restarting Redis"), 30);
    await group.until("the end of Redis", () => group.cli(1, "PING") === "");
    // only once: its link was never up since
    await start(1, undefined, "--replicaof", group.pool[0]!, String(group.port));
    await new Promise((resolve) => setTimeout(resolve, 8000));
    expect(group.cli(1, "PING")).toBe("PONG");
  }, 90_000);

  it("does not restart one whose link ended with main, because Sentinels promote it", async () => {
    await start(0, "4 3 4");
    await start(1, "4 3 4");
    follow(1, 0);
    await group.until("the end of the permission", () => linked(1) && group.setting(1, "masteruser") === "unverified");
    await group.kill(0, "redis");
    const stopped = Date.now();
    while (Date.now() - stopped < 12_000) {
      isDown(Math.round((Date.now() - stopped) / 1000));
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    expect(group.cli(1, "PING")).toBe("PONG");
  }, 60_000);

  it("does not restart it while a Sentinel has a failover in progress, which may promote it", async () => {
    fs.writeFileSync(path.join(group.dir, "refusal"), "NOGOODSLAVE No suitable replica to promote\n");
    fs.writeFileSync(path.join(group.dir, `refusal ${group.pool[2]}`), "INPROG Failover already in progress\n");
    await start(0, "4 3 4");
    await start(1, "4 3 4");
    follow(1, 0);
    await group.until("the end of the permission", () => linked(1) && group.setting(1, "masteruser") === "unverified");
    await group.kill(0, "redis");
    group.loseVolume(0);
    await start(0, "4 2 4");
    const requests = () => fs.readFileSync(path.join(group.dir, "failovers"), "utf8").trim().split("\n").length;
    // of three Sentinels; by the second round the link has been down for longer than the limit
    await group.until(
      "two rounds of requests",
      () => fs.existsSync(path.join(group.dir, "failovers")) && requests() >= 6,
    );
    await new Promise((resolve) => setTimeout(resolve, 1000));
    expect([group.cli(1, "PING"), group.log(1).includes("restarting Redis")]).toEqual(["PONG", false]);
  }, 60_000);

  it("requests a failover above its own epoch, if the Sentinels have lost theirs", async () => {
    group.name(0, 0, 0, 1, 2);
    await start(0, "40 8 40");
    await start(1, "40 8 53");
    follow(1, 0);
    await group.until("the request", () => fs.existsSync(path.join(group.dir, "failovers")), 30);
    expect(fs.readFileSync(path.join(group.dir, "failovers"), "utf8")).toBe(`${group.pool[0]}\n`);
    const [main] = group.pool;
    expect(fs.readFileSync(path.join(group.dir, "votes"), "utf8")).toBe(
      `${main} SENTINEL IS-MASTER-DOWN-BY-ADDR ${main} ${group.port} 5 ${"0".repeat(40)}\n`,
    );
  }, 60_000);

  it("requests none while the Sentinels' epoch is that of its record, or only one has a smaller one", async () => {
    group.name(0, 4, 0, 1);
    group.name(0, 0, 2);
    await start(0, "40 8 40");
    await start(1, "40 8 40");
    follow(1, 0);
    await group.until("the link", () => linked(1));
    await new Promise((resolve) => setTimeout(resolve, 20_000));
    expect(fs.existsSync(path.join(group.dir, "failovers"))).toBe(false);
  }, 60_000);

  it("never links one with data of the previous version, which has no record, to an empty main", async () => {
    await start(0);
    await start(1, "");
    follow(1, 0);
    await group.until("the reason", () => said(1).includes("does not follow main"));
    expect(group.cli(1, "GET", "of-1")).toBe("1");
  }, 60_000);

  it("links it to a main of the previous version, which has neither records nor the new users", async () => {
    await start(0, "");
    for (const rules of [["-get", "-select", "resetkeys"]]) group.cli(0, "ACL", "SETUSER", "probe", ...rules);
    group.cli(0, "ACL", "DELUSER", "member-0");
    await start(1, "");
    follow(1, 0);
    await group.until("the link", () => linked(1));
    await group.until("the end of the permission", () => group.setting(1, "masteruser") === "unverified");
  }, 60_000);

  it("allows main to accept writes only while another member follows it; a read replica does not count", async () => {
    await start(0, "3 8 3");
    await start(1, "3 8 3");
    follow(1, 0);
    await group.until("writes", () => group.cli(0, "SET", "a", "1") === "OK");
    const login = ["--masteruser", "replication", "--masterauth", PASSWORD];
    const reader = ["--replica-announce-ip", "redis-replicas-0.redis-replicas-headless", "--bind", group.pool[2]!];
    others.push(
      spawn(
        "redis-server",
        [
          ...["--port", String(group.port), "--save", "", "--dir", group.dir, ...login, ...reader],
          ...["--replicaof", group.pool[0]!, String(group.port)],
        ],
        { stdio: "ignore" },
      ),
    );
    await group.until("the reader", () => group.field(0, "connected_slaves") === "2");
    await group.kill(1, "redis");
    await group.until("the refusal", () => group.setting(0, "min-replicas-to-write") === "1000");
    expect(group.cli(0, "SET", "a", "2")).toContain("NOREPLICAS");
    group.startRedis(1, "--replicaof", group.pool[0]!, String(group.port));
    await group.until("writes again", () => group.cli(0, "SET", "a", "3") === "OK");
  }, 90_000);

  it("uses the current password after a rotation", async () => {
    await start(0, "3 8 3");
    await start(1, "3 8 3");
    for (const i of [0, 1] as const) {
      for (const user of ["probe", "replication"]) {
        const file = path.join(group.pod(i), "secret", user);
        fs.rmSync(file);
        fs.writeFileSync(file, "changed");
      }
      expect(group.script(i, "reload-access.sh", "redis")).toMatchObject({ status: 0, stderr: "" });
    }
    follow(1, 0);
    await group.until("the link", () => linked(1));
  }, 60_000);
});
