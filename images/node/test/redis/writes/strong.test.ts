/**
 * Tests that acknowledged writes are kept, and that strong reads return only these, even if main is isolated from its
 * copies or replaced.
 */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { form, startApi, type Api } from "../../helpers/api";
import { FakeSentinel } from "../../helpers/fake-sentinel";
import { SentinelGroup } from "../../helpers/sentinel-group";
import { eventually, hasRedis } from "../../helpers/redis";

describe.skipIf(!hasRedis)("main that is isolated from its copies", () => {
  let group: SentinelGroup;
  let api: Api;

  beforeEach(async () => {
    group = await new SentinelGroup().start();
    api = await startApi("", group.reader.url, { ...group.env, REDIS_COMMAND_TIMEOUT_MS: "1000" });
    await eventually("the API to write", async () => (await write("x", "old")).ok);
    // a write on every lane, which each copy has confirmed
    await Promise.all(Array.from({ length: 40 }, (_, i) => write(`k${i}`, "1")));
  }, 30_000);
  afterEach(async () => {
    await api.server.stop();
    await group.stop();
  });

  const write = (id: string, val: string, to = api) => to.fetch("/item", form("POST", { id, val }));
  const remove = (id: string) => api.fetch(`/item?id=${id}`, { method: "DELETE" });
  const read = (id: string, from = api) => from.fetch(`/item?id=${id}`, { headers: { consistency: "strong" } });
  const cut = () => group.others.forEach((copy) => copy.signal("SIGSTOP"));
  const heal = () => group.members.forEach((member) => member.signal("SIGCONT"));

  it("confirms no deletion, even of a key that is already deleted", async () => {
    cut();
    expect((await remove("x")).status).toBe(503);
    for (let i = 0; i < 8; i++) expect((await remove("x")).status).toBe(503);
    heal();
    await eventually("the deletion to be confirmed", async () => (await remove("x")).ok);
    expect((await read("x")).status).toBe(404);
  }, 60_000);

  it("returns no unconfirmed value to a strong read", async () => {
    cut();
    expect((await write("x", "new")).status).toBe(503);
    expect((await read("x")).status).toBe(503);
    heal();
    await eventually("strong reads to work again", async () => (await read("x")).ok);
    expect(await (await read("x")).text()).toBe("new");
  }, 60_000);

  it("answers no strong list", async () => {
    cut();
    const list = () => api.fetch("/items?limit=10", { headers: { consistency: "strong" } });
    expect((await list()).status).toBe(503);
    heal();
    await eventually("strong lists to work again", async () => (await list()).ok);
  }, 60_000);

  it("answers no strong read once another instance is main, even if all Sentinels still report the old main", async () => {
    const { epoch } = group;
    const old = group.main;
    const sentinels = await Promise.all([1, 2, 3].map(() => new FakeSentinel().start()));
    for (const sentinel of sentinels) Object.assign(sentinel, { mainPort: old.port, epoch });
    const deceived = await startApi("", group.reader.url, {
      ...group.env,
      REDIS_SENTINELS: sentinels.map(({ port }) => `127.0.0.1:${port}`).join(","),
      REDIS_COMMAND_TIMEOUT_MS: "1000",
    });
    try {
      await eventually("the other API to read", async () => (await read("x", deceived)).ok);
      old.signal("SIGSTOP");
      await eventually("another main", () => group.main !== undefined && group.main !== old);
      // other keys first, because the suspended main executes what it received once it resumes
      await eventually("the new main to be found", async () => (await write("y", "1")).ok);
      expect((await write("x", "new")).status).toBe(200);
      // they would demote it
      for (const sentinel of group.sentinels) sentinel.signal("SIGSTOP");
      old.signal("SIGCONT");
      await eventually("the old main to answer", () => old.cli("GET", "x").trim() === "old");
      expect((await read("x", deceived)).status).toBe(503);
      expect((await write("x", "lost", deceived)).status).toBe(503);
      expect(await (await read("x")).text()).toBe("new");
    } finally {
      for (const sentinel of group.sentinels) sentinel.signal("SIGCONT");
      await deceived.server.stop();
      await Promise.all(sentinels.map((sentinel) => sentinel.stop()));
    }
  }, 60_000);

  it("deletes while its memory is full, and does not wait for copies after it has rejected a write", async () => {
    group.main.cli("CONFIG", "SET", "maxmemory", "1");
    const waits = () => group.main.calls("waitaof") + group.main.calls("wait");
    const before = waits();
    for (let i = 0; i < 8; i++) expect(await (await write("big", "1")).text()).toContain("OOM");
    expect(waits()).toBe(before);
    expect((await remove("x")).status).toBe(200);
    expect(waits()).toBeGreaterThan(before);
    expect((await read("x")).status).toBe(404);
  }, 60_000);

  it("is established in the Sentinels' epoch by several API processes at once, even after a failover", async () => {
    const second = await startApi("", group.reader.url, { ...group.env, REDIS_COMMAND_TIMEOUT_MS: "1000" });
    const both = async (id: string) =>
      (await Promise.all(Array.from({ length: 32 }, (_, i) => write(`${id}${i}`, "1", i % 2 ? second : api)))).map(
        ({ status }) => status,
      );
    const record = () => group.main.cli("-n", "1", "GET", "commit").trim().split(" ").map(Number);
    try {
      await eventually("the second API to write", async () => (await write("y", "1", second)).ok);
      expect(record().filter((_, i) => i !== 1)).toEqual([group.epoch, group.epoch]);
      const old = group.main;
      const { epoch } = group;
      await old.stop();
      await eventually("another main", () => group.main !== undefined && group.main !== old);
      await eventually("both to write", async () => (await both("a")).every((status) => status === 200));
      expect(group.epoch).toBeGreaterThan(epoch);
      const [now, count, promised] = record();
      expect([now, promised]).toEqual([group.epoch, group.epoch]);
      expect(await both("b")).toEqual(Array(32).fill(200));
      expect(record()[1]).toBeGreaterThan(count!);
    } finally {
      await second.server.stop();
    }
  }, 60_000);
});
