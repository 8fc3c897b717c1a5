/**
 * Tests the contract of the routes. It uses only HTTP, so it can test a server at any address.
 *
 *   CONTRACT_URL=http://localhost:3000 npx vitest run test/contract.test.ts
 *
 * Without CONTRACT_URL it tests the API of this folder with a real main (primary) and a real replica.
 */
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { form, json, startApi, type Api } from "./helpers/api";
import { eventually, freePort, hasRedis, Redis } from "./helpers/redis";

const given = process.env["CONTRACT_URL"];

describe.skipIf(!hasRedis && !given)("the API's contract", () => {
  let main: Redis | undefined;
  let replica: Redis | undefined;
  let api: Pick<Api, "fetch"> & { server?: Api["server"] };

  beforeAll(async () => {
    if (given) {
      api = { fetch: (path, init = {}) => fetch(`${given}${path}`, { ...init, signal: AbortSignal.timeout(10_000) }) };
    } else {
      main = await new Redis(await freePort()).start();
      replica = await new Redis(await freePort(), main.port).start();
      api = await startApi(main.url, replica.url);
    }
    await eventually("the API to be ready", async () => (await api.fetch("/readyz")).status === 200);
  });
  afterAll(async () => {
    await api?.server?.stop();
    await replica?.stop();
    await main?.stop();
  });

  /** Keys that only this run uses, because the Redis instance may be shared. */
  const own = (name: string) => `contract:${process.pid}:${name}`;
  const item = (id: string, headers: Record<string, string> = {}) =>
    api.fetch(`/item?id=${encodeURIComponent(id)}`, { headers });
  const put = async (id: string, val: unknown) => {
    const response = await api.fetch("/item", json("POST", { id, val }));
    expect([response.status, await response.text()]).toEqual([200, "ok"]);
  };
  const written = async (id: string, val: string) => {
    await put(id, val);
    await eventually("a replica to have the key", async () => (await (await item(id)).text()) === val);
  };

  it("returns a greeting with the server's id and the time", async () => {
    const response = await api.fetch("/");
    expect(response.status).toBe(200);
    const text = await response.text();
    expect(text).toMatch(/^It is working, good job [0-9a-f-]{36} \d{13}$/);
    expect(Math.abs(Number(text.split(" ").at(-1)) - Date.now())).toBeLessThan(5000);
  });

  it("returns a request's id, for tracing", async () => {
    await written(own("traced"), "1");
    const answer = await item(own("traced"), { "x-request-id": "0123456789abcdef" });
    expect(answer.headers.get("x-request-id")).toBe("0123456789abcdef");
    expect((await item(own("traced"), { "x-request-id": "a b" })).headers.get("x-request-id")).toBeNull();
  });

  it("returns a value as text", async () => {
    await written(own("text"), "a\nb");
    const response = await item(own("text"));
    expect(response.headers.get("content-type")).toMatch(/^text\/plain/);
  });

  it("returns 404 with an empty body for a missing key", async () => {
    const response = await item(own("nothing"));
    expect(response.status).toBe(404);
    expect(await response.text()).toBe("");
  });

  it("accepts forms as well as JSON", async () => {
    expect(await (await api.fetch("/item", form("POST", { id: own("f"), val: "from a form" }))).text()).toBe("ok");
    await eventually(
      "the replica to have the key",
      async () => (await (await item(own("f"))).text()) === "from a form",
    );
    expect(await (await api.fetch("/item", form("DELETE", { id: own("f") }))).text()).toBe("ok");
    await eventually("the key to be deleted", async () => (await item(own("f"))).status === 404);
  });

  it.each([
    ["JSON", () => json("DELETE", { id: own("gone") }), ""],
    ["the query", () => ({ method: "DELETE" }), `?id=${encodeURIComponent(own("gone"))}`],
  ])("deletes by %s", async (_, init, query) => {
    await written(own("gone"), "soon");
    expect(await (await api.fetch(`/item${query}`, init())).text()).toBe("ok");
    await eventually("the key to be deleted", async () => (await item(own("gone"))).status === 404);
  });

  it("answers a deletion of a missing key with ok", async () => {
    expect(await (await api.fetch("/item?id=never-written", { method: "DELETE" })).text()).toBe("ok");
  });

  describe("lists", () => {
    const keys = Array.from({ length: 300 }, (_, i) => own(`list:${i}`));
    const match = encodeURIComponent(own("list:*"));
    interface Page {
      readonly items: string[];
      readonly cursor: string | null;
    }
    const pageOf = async (query: string) => {
      const response = await api.fetch(`/items?${query}`);
      expect([response.status, response.headers.get("content-type")]).toEqual([200, "application/json"]);
      return (await response.json()) as Page;
    };

    beforeAll(async () => {
      await Promise.all(keys.map((key) => put(key, "v")));
      await eventually("a replica to have them", async () => {
        const found = (await (await api.fetch("/items")).json()) as string[];
        return keys.every((key) => found.includes(key));
      });
    });

    it("are JSON arrays of all keys", async () => {
      const response = await api.fetch("/items");
      expect(response.headers.get("content-type")).toBe("application/json");
      const found = new Set((await response.json()) as string[]);
      for (const key of keys) expect(found).toContain(key);
    });

    it("contain the matching keys", async () => {
      const found = (await (await api.fetch(`/items?match=${match}`)).json()) as string[];
      expect([...new Set(found)].sort()).toEqual([...keys].sort());
      expect(await (await api.fetch("/items?match=no-such-key-anywhere")).json()).toEqual([]);
    });

    it("contain all keys over all pages", async () => {
      const found = new Set<string>();
      let cursor: string | null = null;
      let pages = 0;
      do {
        const page: Page = await pageOf(`limit=50&match=${match}${cursor ? `&cursor=${cursor}` : ""}`);
        for (const key of page.items) found.add(key);
        cursor = page.cursor;
        pages++;
      } while (cursor !== null);
      expect([...found].sort()).toEqual([...keys].sort());
      expect(pages).toBeGreaterThanOrEqual(1);
    });

    it("have pages of the requested size", async () => {
      const page = await pageOf("limit=10");
      expect(page.items.length).toBe(10);
      expect(page.cursor).toEqual(expect.any(String));
    });

    it("return 410 for a cursor of an unavailable Redis instance", async () => {
      const cursor = Buffer.from(`${"0".repeat(40)}:17`).toString("base64url");
      const response = await api.fetch(`/items?cursor=${cursor}`);
      expect(response.status).toBe(410);
      expect(((await response.json()) as { error: string }).error).toMatch(/start again without a cursor/);
    });
  });

  it("returns the latest write in every strong read", async () => {
    for (let i = 0; i < 50; i++) {
      const id = own(`strong:${i}`);
      await put(id, String(i));
      expect(await (await item(id, { consistency: "strong" })).text()).toBe(String(i));
    }
  });

  it.each([
    ["unicode", "clé ✓ 日本"],
    ["spaces and newlines", " a \n b "],
    ["NUL", "a\0b"],
    ["a prototype's name", "__proto__"],
    ["another name of the prototype", "constructor"],
    ["a query's characters", "a&b=c?d#e%20"],
    ["1,024 bytes", "k".repeat(1024)],
  ])("keeps keys and values with %s", async (_, text) => {
    await written(text, text);
    expect(await (await api.fetch("/item", json("DELETE", { id: text }))).text()).toBe("ok");
  });

  it("keeps any key and any value exactly", async () => {
    const text = (max: number, min = 0) =>
      fc.string({ unit: "binary", minLength: min, maxLength: max }).filter((s) => s.isWellFormed());
    await fc.assert(
      fc.asyncProperty(text(200, 1), fc.oneof(text(100), text(20_000)), async (id, val) => {
        await put(id, val);
        const response = await item(id, { consistency: "strong" });
        expect(response.status).toBe(200);
        expect(Buffer.from(await response.arrayBuffer()).equals(Buffer.from(val))).toBe(true);
        await api.fetch("/item", json("DELETE", { id }));
        expect((await item(id, { consistency: "strong" })).status).toBe(404);
      }),
      { numRuns: 60 },
    );
  });

  it.each([16_383, 16_384, 16_385, 40_000])(
    "keeps a value of %i bytes with a character that spans each boundary",
    async (bytes) => {
      for (const val of ["v".repeat(bytes), `${"v".repeat(bytes - 2)}é`, `${"v".repeat(bytes - 1)}é`]) {
        await put(own("edge"), val);
        expect(await (await item(own("edge"), { consistency: "strong" })).text()).toBe(val);
      }
    },
  );

  it("keeps an empty value", async () => {
    await api.fetch("/item", json("POST", { id: own("empty"), val: "" }));
    await eventually("the replica to have the key", async () => (await item(own("empty"))).status === 200);
  });

  it("keeps a value of 1 MiB", async () => {
    await written(own("large"), "v".repeat(1024 * 1024));
  });

  it.each(["42", "true", "9007199254740993", "12345678901234567890", "1e400", "-0", "1.10", "0.1234567890123456789"])(
    "stores %s without quotation marks as the text that was sent",
    async (source) => {
      await api.fetch("/item", json("POST", `{"id":"${own("number")}","other":{"val":7},"val":${source}}`));
      expect(await (await item(own("number"), { consistency: "strong" })).text()).toBe(source);
    },
  );

  it.each<[string, string, RequestInit, number, RegExp]>([
    [
      "a number that is too long",
      "/item",
      json("POST", `{"id":"a","val":${"1".repeat(1_100_000)}}`),
      413,
      /1100000 bytes/,
    ],
    ["a missing id", "/item", {}, 400, /id is missing/],
    ["an empty id", "/item?id=", {}, 400, /id is empty/],
    ["an id that is too long", `/item?id=${"k".repeat(1025)}`, {}, 400, /1025 bytes long, at most 1024/],
    [
      "an id with an unpaired surrogate",
      "/item",
      json("POST", '{"id":"\\ud800","val":"a"}'),
      400,
      /id is not valid Unicode/,
    ],
    [
      "a val with an unpaired surrogate",
      "/item",
      json("POST", '{"id":"a","val":"\\udc00"}'),
      400,
      /val is not valid Unicode/,
    ],
    ["an id that is not UTF-8", "/item?id=%ff", {}, 400, /id is not valid UTF-8/],
    ["a match that is not UTF-8", "/items?match=%ff", {}, 400, /match is not valid UTF-8/],
    ["a missing val", "/item", json("POST", { id: "a" }), 400, /val is missing/],
    ["an id that is not text", "/item", json("POST", { id: 1, val: "a" }), 400, /id must be text/],
    ["a val that is an object", "/item", json("POST", { id: "a", val: {} }), 400, /val must be text/],
    ["a body that is not JSON", "/item", json("POST", "{"), 400, /not JSON/],
    ["a body that is an array", "/item", json("POST", []), 400, /must be a JSON object/],
    [
      "JSON with too many fields",
      "/item",
      json("POST", { id: "a", val: Array(200).fill(1) }),
      400,
      /more than 100 fields/,
    ],
    [
      "a form with too many fields",
      "/item",
      form("POST", Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`n${i}`, "1"]))),
      400,
      /more than 100 fields/,
    ],
    [
      "a body of another type",
      "/item",
      { method: "POST", body: "id=a", headers: { "content-type": "text/plain" } },
      400,
      /content-type/,
    ],
    [
      "a value that is too large",
      "/item",
      json("POST", { id: "a", val: "v".repeat(1024 * 1024 + 1) }),
      413,
      /at most 1048576/,
    ],
    [
      "a body that is too large",
      "/item",
      json("POST", { id: "a", val: "v".repeat(2 * 1024 * 1024) }),
      413,
      /larger than/,
    ],
    ["a limit that is not a number", "/items?limit=x", {}, 400, /limit is "x", expected a whole number from 1 to 1000/],
    ["a limit of 0", "/items?limit=0", {}, 400, /from 1 to 1000/],
    ["a limit that is too large", "/items?limit=1001", {}, 400, /from 1 to 1000/],
    ["an invalid cursor", "/items?cursor=abc", {}, 400, /invalid cursor: use one returned by this API/],
    [
      "a cursor beyond 64 bits",
      `/items?cursor=${Buffer.from(`${"0".repeat(40)}:${2n ** 64n}`).toString("base64url")}`,
      {},
      400,
      /invalid cursor/,
    ],
    ["a match that is too long", `/items?match=${"k".repeat(257)}`, {}, 400, /257 bytes long, at most 256/],
    ["an invalid consistency", "/item?id=a", { headers: { consistency: "maybe" } }, 400, /strong or eventual/],
    ["an unknown route", "/nothing", {}, 404, /no such route/],
    ["a route named like an object's prototype", "/__proto__", {}, 404, /no such route/],
    ["an unsupported method", "/item", { method: "PUT" }, 405, /takes GET, POST, DELETE/],
  ])("rejects %s with a reason", async (_, path, init, status, reason) => {
    const response = await api.fetch(path, init);
    expect(response.status).toBe(status);
    expect(((await response.json()) as { error: string }).error).toMatch(reason);
  });

  it("reads each header, however many there are", async () => {
    const answer = await item("a", {
      ...Object.fromEntries(Array.from({ length: 1100 }, (_, i) => [`a${i.toString(36)}`, "1"])),
      consistency: "maybe",
    });
    expect([answer.status, await answer.text()]).toEqual([400, expect.stringMatching(/strong or eventual/)]);
  });

  it("answers cross-origin requests", async () => {
    const headers = { origin: "https://elsewhere.example" };
    expect((await api.fetch("/", { headers })).headers.get("access-control-allow-origin")).toBe("*");
    const preflight = await api.fetch("/item", {
      method: "OPTIONS",
      headers: { ...headers, "access-control-request-method": "DELETE" },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get("access-control-allow-methods")).toBe("GET, POST, DELETE");
  });

  it("reports requests by route pattern and status, and CPU, memory and event-loop metrics", async () => {
    await item(own("nothing"));
    await api.fetch("/nothing");
    const text = await (await api.fetch("/metrics")).text();
    expect(text).toMatch(/http_request_duration_seconds_count\{method="GET",route="\/item",status="404"\} \d+/);
    expect(text).toMatch(
      /http_request_duration_seconds_bucket\{le="0.005",method="POST",route="\/item",status="200"\} \d+/,
    );
    for (const name of [
      "process_cpu_seconds_total",
      "process_resident_memory_bytes",
      "nodejs_eventloop_lag_p99_seconds",
      "nodejs_eventloop_utilization",
      "http_requests_in_flight",
    ]) {
      expect(text).toMatch(new RegExp(`^${name} [\\d.e-]+$`, "m"));
    }
    // no raw paths, because their number is unlimited
    expect(text).not.toContain("/nothing");
    expect(text).toContain('route="other"');
  });
});
