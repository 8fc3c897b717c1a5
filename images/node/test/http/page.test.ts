/**
 * Tests that a page never has more keys than requested, and that no key is skipped, whatever happens to Redis' table.
 */
import { Redis as Client } from "ioredis";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { isBehind, page } from "../../src/http/page";
import type { Scanned } from "../../src/redis/reads/scanner";
import type { Store } from "../../src/redis/store";
import { type Api } from "../helpers/api";
import { ApiOnMain } from "../helpers/api-on-main";
import { hasRedis } from "../helpers/redis";

describe("the order of SCAN's cursors", () => {
  it.each([
    // the order in a table of 8 is 0, 4, 2, 6, 1, 5, 3, 7, end; once it has grown to 16, 8 comes between 0 and 4
    ["4", "8", true],
    ["8", "4", false],
    ["2", "4", true],
    ["7", "3", true],
    ["0", "7", true],
    ["7", "0", false],
    ["5", "5", false],
    ["0", "0", false],
    ["18446744073709551615", "9223372036854775807", true],
  ])("%s is reached after %s: %s", (a, b, behind) => {
    expect(isBehind(a, b)).toBe(behind);
  });
});

describe("the memory of a page", () => {
  const keys = Array.from({ length: 100 }, (_, i) => "é".repeat(500) + i);
  const steps: (() => Promise<Scanned>)[] = [];
  const store = { scan: () => steps.shift()!() } as unknown as Store;
  const read = (reserve: (bytes: number) => void) =>
    page(store, { match: undefined, strong: false, left: () => false }, 1000, null, reserve);
  const step = (cursor: string, from: number) => () =>
    Promise.resolve({ runId: "0".repeat(40), cursor, keys: keys.slice(from, from + 50) });
  beforeEach(() => void steps.splice(0, steps.length, step("8", 0), step("0", 50)));

  it("is reserved for all keys found so far, with two bytes for each character of a key and its JSON", async () => {
    const reserved: number[] = [];
    await read((bytes) => void reserved.push(bytes));
    expect(reserved.map((bytes) => Math.round(bytes / 1000))).toEqual([101, 201]);
  });
  it("ends the page before its next step if there is not enough", async () => {
    const refused = new Error("no memory");
    await expect(
      read(() => {
        throw refused;
      }),
    ).rejects.toBe(refused);
    expect(steps).toHaveLength(1);
  });
});

describe.skipIf(!hasRedis)("pages", () => {
  let started: ApiOnMain;
  let client: Client;
  let api: Api;

  beforeAll(async () => {
    // resizing progresses only when commands arrive, so it lasts for several pages
    started = await ApiOnMain.start({ redis: ["--activerehashing", "no"] });
    ({ client, api } = started);
  });
  afterAll(() => started?.stop());
  beforeEach(() => client.flushall());

  const set = (prefix: string, count: number) =>
    client.eval("for i = 1, ARGV[2] do redis.call('SET', ARGV[1] .. i, 1) end", 0, prefix, count);
  const unset = (prefix: string, count: number) =>
    client.eval("for i = 1, ARGV[2] do redis.call('DEL', ARGV[1] .. i) end", 0, prefix, count);
  /** All pages; `between` runs after each. */
  const pages = async (query: string, limit: number, between: (page: number) => unknown = () => undefined) => {
    const found: string[] = [];
    let cursor: string | null = null;
    for (let page = 0; page === 0 || cursor; page++) {
      const response = await api.fetch(`/items?limit=${limit}${query}${cursor ? `&cursor=${cursor}` : ""}`);
      expect(response.status).toBe(200);
      const answer = (await response.json()) as { items: string[]; cursor: string | null };
      expect(answer.items.length).toBeLessThanOrEqual(limit);
      found.push(...answer.items);
      cursor = answer.cursor;
      await between(page);
      expect(page).toBeLessThan(5000);
    }
    return found;
  };

  it.each([1, 2, 7, 100])(
    "contain every key of an unchanged table exactly once, with at most %i keys per page",
    async (limit) => {
      await set("key:", 500);
      await started.settle();
      const found = await pages("", limit);
      expect(found).toHaveLength(500);
      expect(new Set(found).size).toBe(500);
    },
  );

  it("are full while there are keys", async () => {
    await set("key:", 500);
    const response = await api.fetch("/items?limit=50");
    expect(((await response.json()) as { items: string[] }).items).toHaveLength(50);
  });

  it.each([
    ["all keys match", "&match=key:*", 300, 3],
    ["one in a hundred matches", "&match=rare:*", 20, 1],
  ])("contain every match exactly once, with few keys per page, if %s", async (_, query, count, limit) => {
    await set(query.includes("rare") ? "other:" : "none:", 2000);
    await set(query.includes("rare") ? "rare:" : "key:", count);
    await started.settle();
    const found = await pages(query, limit);
    expect(found).toHaveLength(count);
    expect(new Set(found).size).toBe(count);
  });

  it.each<[string, (page: number) => unknown]>([
    ["grows", (page) => set(`new:${page}:`, 200)],
    ["shrinks", (page) => unset(`old:${page}:`, 1000)],
    ["grows and shrinks in turn", (page) => (page % 2 ? unset("turn:", 3000) : set("turn:", 3000))],
    [
      "loses one key and gains another with each page",
      (page) => client.del(`old:${page}:1`).then(() => set(`one:${page}:`, 1)),
    ],
  ])("contain every key that is never deleted while the table %s", async (_, change) => {
    for (const [query, limit] of [
      ["&match=stays:*", 2],
      ["", 20],
    ] as const) {
      await client.flushall();
      for (let i = 0; i < 20; i++) await set(`old:${i}:`, query ? 1000 : 50);
      await set("stays:", 60);
      // as a large, sparse table that is still being shrunk
      for (let i = 0; i < 20; i++) await unset(`old:${i}:`, query ? 900 : 30);
      let changes = 0;
      const found = await pages(query, limit, () => changes++ < 25 && change(changes));
      expect(new Set(found.filter((key) => key.startsWith("stays:"))).size).toBe(60);
    }
  });
});
