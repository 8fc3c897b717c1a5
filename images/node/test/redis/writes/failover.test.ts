/** Main as a pool: what was answered is kept when main is lost, and writes go on elsewhere. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { form, startApi, type Api } from "../../helpers/api";
import { MainPool } from "../../helpers/sentinel-group";
import { eventually, hasRedis, type Redis } from "../../helpers/redis";

describe.skipIf(!hasRedis)("the API with a pool of mains", () => {
  let pool: MainPool;
  let api: Api;

  beforeEach(async () => {
    pool = await new MainPool().start();
    api = await startApi("", pool.reader.url, { ...pool.env, REDIS_COMMAND_TIMEOUT_MS: "1000" });
    await eventually("the API to write", async () => (await write("first", "1")).ok);
  }, 30_000);
  afterEach(async () => {
    await api.server.stop();
    await pool.stop();
  });

  const write = (id: string, val: string) => api.fetch("/item", form("POST", { id, val }));

  /** Writes without end, many at once; every acknowledged one is in `kept`. */
  function writer(connections = 20) {
    const kept: string[] = [];
    const refused: string[] = [];
    let going = true;
    let next = 0;
    const one = async () => {
      while (going) {
        const id = `w${next++}`;
        const response = await write(id, id).catch(() => undefined);
        const said = await response?.text();
        if (response?.ok) kept.push(id);
        else {
          refused.push(`${response?.status}: ${said}`);
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
      }
    };
    const all = Promise.all(Array.from({ length: connections }, one));
    return {
      kept,
      refused,
      end: async () => {
        going = false;
        await all;
      },
    };
  }

  const missing = (redis: Redis, ids: readonly string[]): string[] => {
    const lost: string[] = [];
    for (let i = 0; i < ids.length; i += 500) {
      const some = ids.slice(i, i + 500);
      const values = redis.cli("MGET", ...some).split("\n");
      some.forEach((id, k) => values[k] === id || lost.push(id));
    }
    return lost;
  };

  const writesGoOn = (kept: readonly string[]) => {
    const before = kept.length;
    return eventually("writes to go on", () => kept.length > before + 50);
  };

  it("main killed again and again: writes go on with another one, and every answered write is there", async () => {
    const { kept, end } = writer();
    for (let round = 0; round < 3; round++) {
      await writesGoOn(kept);
      const lost = pool.main;
      lost.signal("SIGKILL");
      await lost.stop();
      await eventually("another main", () => pool.main !== undefined && pool.main !== lost);
      await writesGoOn(kept);
      await lost.follow(pool.main.port).start();
    }
    await end();
    expect(kept.length).toBeGreaterThan(300);
    for (const redis of pool.members) {
      await eventually("it to follow", () => missing(redis, kept.slice(-1)).length === 0);
      expect(missing(redis, kept)).toEqual([]);
    }
  }, 120_000);

  it("main hands over, as it does before a planned restart: no write fails, whatever is sent meanwhile", async () => {
    const patient = await startApi("", pool.reader.url, {
      ...pool.env,
      REDIS_COMMAND_TIMEOUT_MS: "3000",
      REDIS_WRITE_PATIENCE_MS: "15000",
    });
    const ours = api;
    api = patient;
    await eventually("the API to write", async () => (await write("second", "1")).ok);
    const writing = writer();
    await writesGoOn(writing.kept);
    for (let round = 0; round < 2; round++) {
      const old = pool.main;
      // stop-member.sh: refused, so that all that was taken is on both others; then the change
      old.cli("CONFIG", "SET", "min-replicas-to-write", "1000");
      await new Promise((resolve) => setTimeout(resolve, 1200));
      await eventually("a Sentinel to take it on", () =>
        pool.sentinels[round]!.cli("SENTINEL", "FAILOVER", "main").includes("OK"),
      );
      await eventually("another main", () => pool.main !== undefined && pool.main !== old);
      old.signal("SIGTERM");
      await new Promise((resolve) => setTimeout(resolve, 300));
      await old.stop();
      await writesGoOn(writing.kept);
      await old.follow(pool.main.port).start();
      await eventually("the pool to be whole", () => pool.sentinels.every((s) => s.ready));
    }
    await writing.end();
    expect([...new Set(writing.refused)]).toEqual([]);
    for (const redis of pool.members) {
      await eventually("it to follow", () => missing(redis, writing.kept.slice(-1)).length === 0);
      expect(missing(redis, writing.kept)).toEqual([]);
    }
    api = ours;
    await patient.server.stop();
  }, 90_000);

  it("too few copies for longer than a write waits: the next ones are refused at once", async () => {
    for (const redis of pool.others) await redis.stop();
    await eventually("main to refuse", async () => (await write("a", "1")).status === 503);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const begin = Date.now();
    expect((await write("b", "1")).status).toBe(503);
    expect(Date.now() - begin).toBeLessThan(400);
  }, 60_000);

  it("a main that stops and comes back is main no more, and what it took meanwhile was not answered", async () => {
    const { kept, end } = writer();
    await writesGoOn(kept);
    const old = pool.main;
    old.signal("SIGSTOP");
    await eventually("another main", () => pool.main !== undefined && pool.main !== old);
    old.signal("SIGCONT");
    await writesGoOn(kept);
    await eventually("the old one to follow", () => old.cli("ROLE").startsWith("slave"));
    await writesGoOn(kept);
    await end();
    for (const redis of pool.members) {
      await eventually("it to follow", () => missing(redis, kept.slice(-1)).length === 0);
      expect(missing(redis, kept)).toEqual([]);
    }
  }, 60_000);

  it("no second copy answers: a write gets 503 in time, with the reason, and reads go on", async () => {
    for (const redis of pool.others) redis.signal("SIGSTOP");
    const begin = Date.now();
    const response = await write("alone", "1");
    expect(response.status).toBe(503);
    expect(((await response.json()) as { error: string }).error).toContain("not certain to be kept");
    expect(Date.now() - begin).toBeLessThan(2500);
    expect((await api.fetch("/item?id=first")).status).toBe(200);
    for (const redis of pool.others) redis.signal("SIGCONT");
    await eventually("writes to work again", async () => (await write("again", "1")).ok);
  }, 60_000);

  it("copies that are slow for longer than main may be: the write waits for them, and is answered", async () => {
    const patient = await startApi("", pool.reader.url, {
      ...pool.env,
      REDIS_COMMAND_TIMEOUT_MS: "500",
      REDIS_WRITE_PATIENCE_MS: "5000",
    });
    try {
      await eventually(
        "it to write",
        async () => (await patient.fetch("/item", form("POST", { id: "a", val: "1" }))).ok,
      );
      for (const redis of pool.others) redis.signal("SIGSTOP");
      const answer = patient.fetch("/item", form("POST", { id: "late", val: "1" }));
      await new Promise((resolve) => setTimeout(resolve, 1500));
      for (const redis of pool.others) redis.signal("SIGCONT");
      const response = await answer;
      expect([response.status, await response.text()]).toEqual([200, expect.anything()]);
      for (const redis of pool.members)
        expect(missing(redis, ["first"]).concat(redis.cli("GET", "late").trim())).toContain("1");
    } finally {
      await patient.server.stop();
    }
  }, 30_000);

  it("a write that waits for its copies holds up no other on its way to main", async () => {
    const patient = await startApi("", pool.reader.url, { ...pool.env, REDIS_WRITE_PATIENCE_MS: "5000" });
    const put = (id: string) => patient.fetch("/item", form("POST", { id, val: "1" }));
    try {
      await eventually("it to write", async () => (await put("before")).ok);
      const { main } = pool;
      for (const redis of pool.others) redis.signal("SIGSTOP");
      const answers = ["one", "two", "three"].map(async (id, i) => {
        await new Promise((resolve) => setTimeout(resolve, 100 * i));
        return put(id);
      });
      await eventually("main to have them", () => main.cli("EXISTS", "one", "two", "three").trim() === "3");
      for (const redis of pool.others) redis.signal("SIGCONT");
      expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200, 200]);
    } finally {
      for (const redis of pool.others) redis.signal("SIGCONT");
      await patient.server.stop();
    }
  }, 30_000);

  it("a Sentinel that is gone costs nothing, not a line", async () => {
    const said = vi.spyOn(console, "error").mockImplementation(() => undefined);
    pool.sentinels[0]!.stop();
    const lost = pool.members[0]!;
    await lost.stop();
    await eventually("writes to work", async () => (await write("still", "1")).ok);
    expect(said).not.toHaveBeenCalled();
    said.mockRestore();
  }, 60_000);

  it("a replica for reads is none that a Sentinel knows, and follows whoever is main", async () => {
    for (const sentinel of pool.sentinels) expect(sentinel.replicas).toBe(2);
    const lost = pool.members[0]!;
    await lost.stop();
    await eventually("another main", () => pool.main !== undefined && pool.main !== lost);
    await eventually("writes to work", async () => (await write("after", "2")).ok);
    await eventually("the reader to have it", () => pool.reader.cli("GET", "after").trim() === "2");
    for (const sentinel of pool.sentinels) expect(sentinel.replicas).toBe(2);
  }, 60_000);
});
