/** Tests lists that would be expensive for Redis or the API: complex patterns, and keys that are long in JSON. */
import { Redis as Client } from "ioredis";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { maxStep } from "../../src/http/match";
import { type Api } from "../helpers/api";
import { ApiOnMain } from "../helpers/api-on-main";
import { hasRedis } from "../helpers/redis";

describe("the keys that one step scans", () => {
  it.each([
    [undefined, 250],
    ["prefix:*", 250],
    ["prefix:**", 250],
    ["no-star", 250],
    ["*", 250],
    ["*[kK][eE][yY]*", 69],
    [`*${"a".repeat(30)}*`, 30],
    [`*${"a".repeat(254)}b`, 3],
    [`a*${"é".repeat(127)}`, 3],
  ])("are fewer if Redis has to compare more bytes per key: %s", (match, keys) => {
    expect(maxStep(match)).toBe(keys);
  });
});

describe.skipIf(!hasRedis)("expensive lists", () => {
  let started: ApiOnMain;
  let api: Api;
  let client: Client;

  beforeAll(async () => {
    started = await ApiOnMain.start({
      redis: ["--activerehashing", "no"],
      env: { REDIS_COMMAND_TIMEOUT_MS: "5000" },
    });
    ({ api, client } = started);
  });
  afterAll(() => started?.stop());
  beforeEach(() => client.flushall());

  /** Keys of 1,023 bytes. */
  const set = (count: number, letter = "a") =>
    client.eval(
      `for i = 1, ${count} do redis.call('SET', string.rep(ARGV[1], 1015) .. string.format('%08d', i), 1) end`,
      0,
      letter,
    );
  /** COUNT of each SCAN during `run`. */
  const counts = async (run: () => Promise<unknown>): Promise<number[]> => {
    await client.call("CONFIG", "SET", "slowlog-log-slower-than", "0", "slowlog-max-len", "10000");
    await client.call("SLOWLOG", "RESET");
    await run();
    const log = (await client.call("SLOWLOG", "GET", "10000")) as [number, number, number, string[]][];
    return log.filter(([, , , [name]]) => name === "scan").map(([, , , args]) => Number(args.at(-1)));
  };
  const page = async (query: string) => {
    const response = await api.fetch(`/items?${query}`);
    expect(response.status).toBe(200);
    const text = await response.text();
    return { text, ...(JSON.parse(text) as { items: string[]; cursor: string | null }) };
  };

  it.each([
    ["a star before many letters", `*${"a".repeat(100)}b`],
    ["a class of many letters", `*${"[bcdefghijklmnopqrstuvwxyza]".repeat(4)}b`],
    ["many stars", `${"*a".repeat(60)}b`],
  ])("compare few bytes per step, in pages, in streams and with a forged cursor: %s", async (_, pattern) => {
    await set(300);
    const match = `match=${encodeURIComponent(pattern)}`;
    const runId = /run_id:(\w+)/.exec(started.main.cli("INFO", "server"))![1]!;
    const forged = Buffer.from(`${runId}:0:1:${"0".repeat(32)}:1000`).toString("base64url");
    const found = await counts(async () => {
      expect(await (await api.fetch(`/items?${match}`)).json()).toEqual([]);
      expect((await page(`${match}&limit=1000`)).items).toEqual([]);
      expect((await page(`${match}&limit=1000&cursor=${forged}`)).items).toEqual([]);
    });
    expect(found.length).toBeGreaterThan(2 * (300 / (1e6 / (pattern.length * 1024))));
    for (const count of found) expect(count * pattern.length * 1024).toBeLessThanOrEqual(1e6);
  });

  it("end a page whose forged cursor leaves everything out after 2,000 keys", async () => {
    await client.eval("for i = 1, 20000 do redis.call('SET', 'key:' .. i, 1) end", 0);
    await started.settle();
    const runId = /run_id:(\w+)/.exec(started.main.cli("INFO", "server"))![1]!;
    const forged = Buffer.from(`${runId}:0:0:${"f".repeat(32)}:250`).toString("base64url");
    let answer!: Awaited<ReturnType<typeof page>>;
    const found = await counts(async () => (answer = await page(`limit=1000&cursor=${forged}`)));
    expect([answer.items, typeof answer.cursor]).toEqual([[], "string"]);
    expect(found.reduce((sum, count) => sum + count, 0)).toBeLessThan(3000);
  });

  it("find every match of a long pattern, on pages of a few keys each", async () => {
    await set(300);
    await set(50, "b");
    const match = encodeURIComponent(`*${"[aA]".repeat(60)}*`);
    const found: string[] = [];
    let cursor: string | null = null;
    do {
      const next: Awaited<ReturnType<typeof page>> = await page(
        `match=${match}&limit=7${cursor ? `&cursor=${cursor}` : ""}`,
      );
      expect(next.items.length).toBeLessThanOrEqual(7);
      found.push(...next.items);
      cursor = next.cursor;
    } while (cursor);
    expect(found).toHaveLength(300);
    expect(new Set(found).size).toBe(300);
  });

  it.each([
    ["control characters", "\x01"],
    ["letters", "k"],
  ])("end a page at 256 KB of JSON without skipping a key, with keys of %s", async (_, letter) => {
    await set(600, letter);
    await started.settle();
    const found: string[] = [];
    let cursor: string | null = null;
    do {
      const next: Awaited<ReturnType<typeof page>> = await page(`limit=1000${cursor ? `&cursor=${cursor}` : ""}`);
      expect(next.text.length).toBeLessThan(256 * 1024 + 200);
      if (next.cursor) expect(next.text.length).toBeGreaterThan(100 * 1024);
      found.push(...next.items);
      cursor = next.cursor;
    } while (cursor);
    expect(found).toHaveLength(600);
    expect(new Set(found).size).toBe(600);
  });

  it("are also complete in a stream", async () => {
    await set(600, "\x01");
    expect(new Set((await (await api.fetch("/items")).json()) as string[]).size).toBe(600);
  });
});
