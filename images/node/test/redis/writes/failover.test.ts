/** Tests failover: acknowledged writes survive the loss of main, and writes resume on another main. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { form, startApi, type Api } from "../../helpers/api";
import { missing, SentinelGroup } from "../../helpers/sentinel-group";
import { eventually, hasRedis, pause } from "../../helpers/redis";

describe.skipIf(!hasRedis)("the API with a Sentinel group", () => {
  let group: SentinelGroup;
  let api: Api;

  beforeEach(async () => {
    group = await new SentinelGroup().start();
    api = await startApi("", group.reader.url, { ...group.env, REDIS_COMMAND_TIMEOUT_MS: "1000" });
    await eventually("the API to write", async () => (await write("first", "1")).ok);
  }, 30_000);
  afterEach(async () => {
    await api.server.stop();
    await group.stop();
  });

  const write = (id: string, val: string) => api.fetch("/item", form("POST", { id, val }));

  /** Writes concurrently until `end` is called; `kept` contains every acknowledged write. */
  function writer(connections = 20) {
    const kept: string[] = [];
    const refused: string[] = [];
    /** Writes that were acknowledged, but that a strong read right afterwards did not return. */
    const stale: string[] = [];
    let going = true;
    let next = 0;
    const one = async () => {
      while (going) {
        const id = `w${next++}`;
        const response = await write(id, id).catch(() => undefined);
        const said = await response?.text();
        if (response?.ok) {
          kept.push(id);
          await readStrongly(id);
        } else {
          refused.push(`${response?.status}: ${said}`);
          await pause(50);
        }
      }
    };
    const readStrongly = async (id: string) => {
      const response = await api.fetch(`/item?id=${id}`, { headers: { consistency: "strong" } }).catch(() => undefined);
      const said = await response?.text();
      if (response?.status === 404 || (response?.ok && said !== id)) stale.push(id);
      else if (!response?.ok) refused.push(`strong read: ${response?.status}: ${said}`);
    };
    const all = Promise.all(Array.from({ length: connections }, one));
    return {
      kept,
      refused,
      end: async () => {
        going = false;
        await all;
        expect(stale).toEqual([]);
      },
    };
  }

  const block = (ms: number) => {
    const end = Date.now() + ms;
    while (Date.now() < end);
  };

  const writesGoOn = (kept: readonly string[]) => {
    const before = kept.length;
    return eventually("writes to continue", () => kept.length > before + 50);
  };

  it("loses no acknowledged write when main is killed repeatedly", async () => {
    const { kept, end } = writer();
    for (let round = 0; round < 3; round++) {
      await writesGoOn(kept);
      const lost = group.main;
      lost.signal("SIGKILL");
      await lost.stop();
      await eventually("another main", () => group.main !== undefined && group.main !== lost);
      await writesGoOn(kept);
      await lost.follow(group.main.port).start();
    }
    await end();
    expect(kept.length).toBeGreaterThan(300);
    for (const redis of group.members) {
      await eventually("the member to catch up", () => missing(redis, kept.slice(-1)).length === 0);
      expect(missing(redis, kept)).toEqual([]);
    }
  }, 120_000);

  it("fails no write and no strong read during a planned failover", async () => {
    const patient = await startApi("", group.reader.url, {
      ...group.env,
      REDIS_COMMAND_TIMEOUT_MS: "3000",
      REDIS_WRITE_PATIENCE_MS: "15000",
    });
    const ours = api;
    api = patient;
    await eventually("the API to write", async () => (await write("second", "1")).ok);
    const writing = writer();
    await writesGoOn(writing.kept);
    for (let round = 0; round < 2; round++) {
      const old = group.main;
      // as stop-member.sh does: reject writes until both others have all accepted ones, then fail over
      old.cli("CONFIG", "SET", "min-replicas-to-write", "1000");
      await pause(1200);
      await eventually("a Sentinel to start the failover", () =>
        group.sentinels[round]!.cli("SENTINEL", "FAILOVER", "main").includes("OK"),
      );
      await eventually("another main", () => group.main !== undefined && group.main !== old);
      old.signal("SIGTERM");
      await pause(300);
      await old.stop();
      await writesGoOn(writing.kept);
      await old.follow(group.main.port).start();
      await eventually("the group to be complete", () => group.sentinels.every((s) => s.ready));
    }
    await writing.end();
    expect([...new Set(writing.refused)]).toEqual([]);
    for (const redis of group.members) {
      await eventually("the member to catch up", () => missing(redis, writing.kept.slice(-1)).length === 0);
      expect(missing(redis, writing.kept)).toEqual([]);
    }
    api = ours;
    await patient.server.stop();
  }, 90_000);

  it.each([
    ["", 0],
    [", even while each turn of the API's event loop is blocked for 0.28 s", 280],
  ])(
    "acknowledges no write by an old main that was suspended and then resumes%s",
    async (_, stallMs) => {
      const stalls = stallMs ? setInterval(() => block(stallMs), 1) : undefined;
      const { kept, end } = writer();
      await writesGoOn(kept);
      const old = group.main;
      old.signal("SIGSTOP");
      await eventually("another main", () => group.main !== undefined && group.main !== old);
      old.signal("SIGCONT");
      await writesGoOn(kept);
      await eventually("the old main to become a replica", () => old.cli("ROLE").startsWith("slave"));
      await writesGoOn(kept);
      clearInterval(stalls);
      await end();
      for (const redis of group.members) {
        await eventually("the member to catch up", () => missing(redis, kept.slice(-1)).length === 0);
        expect(missing(redis, kept)).toEqual([]);
      }
    },
    60_000,
  );

  it("keeps working without one Sentinel, and prints nothing", async () => {
    const said = vi.spyOn(console, "error").mockImplementation(() => undefined);
    group.sentinels[0]!.stop();
    const lost = group.members[0]!;
    await lost.stop();
    await eventually("writes to work", async () => (await write("still", "1")).ok);
    expect(said).not.toHaveBeenCalled();
    said.mockRestore();
  }, 60_000);

  it("uses a read replica that follows the current main and is unknown to Sentinel", async () => {
    for (const sentinel of group.sentinels) expect(sentinel.replicas).toBe(2);
    const lost = group.members[0]!;
    await lost.stop();
    await eventually("another main", () => group.main !== undefined && group.main !== lost);
    await eventually("writes to work", async () => (await write("after", "2")).ok);
    await eventually("the read replica to have the key", () => group.reader.cli("GET", "after").trim() === "2");
    for (const sentinel of group.sentinels) expect(sentinel.replicas).toBe(2);
  }, 60_000);
});
