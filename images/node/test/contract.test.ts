/** The routes as callers may count on them, against a real main with a real replica. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { form, json, startApi, type Api } from "./api";
import { eventually, freePort, hasRedis, Redis } from "./redis";

describe.skipIf(!hasRedis)("the API on Redis main and a replica", () => {
  let main: Redis;
  let replica: Redis;
  let api: Api;

  beforeAll(async () => {
    main = await new Redis(await freePort()).start();
    replica = await new Redis(await freePort(), main.port).start();
    api = await startApi(main.url, replica.url);
    await eventually("the API to be ready", async () => (await api.fetch("/readyz")).status === 200);
  });
  afterAll(async () => {
    await api?.server.stop();
    await replica?.stop();
    await main?.stop();
  });

  const item = (id: string) => api.fetch(`/item?id=${encodeURIComponent(id)}`);
  const written = async (id: string, val: string) => {
    expect(await (await api.fetch("/item", json("POST", { id, val }))).text()).toBe("ok");
    await eventually("the replica to have it", async () => (await (await item(id)).text()) === val);
  };

  it("greets with the server's id and the time", async () => {
    const response = await api.fetch("/");
    expect(response.status).toBe(200);
    const text = await response.text();
    expect(text).toMatch(/^It is working, good job [0-9a-f-]{36} \d{13}$/);
    expect(Math.abs(Number(text.split(" ").at(-1)) - Date.now())).toBeLessThan(5000);
  });

  it("writes to main and reads from the replica", async () => {
    await written("k1", "v1");
    expect(main.cli("GET", "k1").trim()).toBe("v1");
    const reads = () => Number(/cmdstat_get:calls=(\d+)/.exec(replica.cli("INFO", "commandstats"))?.[1] ?? 0);
    const before = reads();
    await item("k1");
    expect(reads()).toBe(before + 1);
  });

  it("answers a value as text", async () => {
    await written("text", "a\nb");
    const response = await item("text");
    expect(response.headers.get("content-type")).toMatch(/^text\/plain/);
  });

  it("answers 404 with an empty body where there is no such key", async () => {
    const response = await item("nothing");
    expect(response.status).toBe(404);
    expect(await response.text()).toBe("");
  });

  it("takes forms as well as JSON", async () => {
    expect(await (await api.fetch("/item", form("POST", { id: "f", val: "from a form" }))).text()).toBe("ok");
    await eventually("the replica to have it", async () => (await (await item("f")).text()) === "from a form");
    expect(await (await api.fetch("/item", form("DELETE", { id: "f" }))).text()).toBe("ok");
    await eventually("it to be gone", async () => (await item("f")).status === 404);
  });

  it.each([
    ["JSON", () => json("DELETE", { id: "gone" }), ""],
    ["the query", () => ({ method: "DELETE" }), "?id=gone"],
  ])("deletes by %s", async (_, init, query) => {
    await written("gone", "soon");
    expect(await (await api.fetch(`/item${query}`, init())).text()).toBe("ok");
    await eventually("it to be gone", async () => (await item("gone")).status === 404);
  });

  it("deleting what is not there is ok", async () => {
    expect(await (await api.fetch("/item?id=never", { method: "DELETE" })).text()).toBe("ok");
  });

  it("lists every key once, by SCAN and never by KEYS", async () => {
    main.cli("EVAL", "for i = 1, 5000 do redis.call('SET', 'many:' .. i, i) end", "0");
    await eventually("the replica to have them", () => Number(replica.cli("DBSIZE")) === Number(main.cli("DBSIZE")));
    const keys = (await (await api.fetch("/items")).json()) as string[];
    expect(new Set(keys).size).toBe(keys.length);
    expect(keys.filter((k) => k.startsWith("many:"))).toHaveLength(5000);
    expect(replica.cli("INFO", "commandstats")).not.toMatch(/cmdstat_keys:/);
    main.cli("FLUSHALL");
  });

  it.each([
    ["unicode", "clé ✓ 日本"],
    ["spaces and newlines", " a \n b "],
    ["NUL", "a\0b"],
    ["a prototype's name", "__proto__"],
    ["another one", "constructor"],
    ["a query's characters", "a&b=c?d#e%20"],
    ["1,024 bytes", "k".repeat(1024)],
  ])("keeps keys and values with %s", async (_, text) => {
    await written(text, text);
  });

  it("keeps an empty value", async () => {
    await api.fetch("/item", json("POST", { id: "empty", val: "" }));
    await eventually("the replica to have it", async () => (await item("empty")).status === 200);
  });

  it("keeps a value of 1 MiB", async () => {
    await written("large", "v".repeat(1024 * 1024));
  });

  it("takes numbers and booleans for their text", async () => {
    await api.fetch("/item", json("POST", { id: "number", val: 42 }));
    await eventually("the replica to have it", async () => (await (await item("number")).text()) === "42");
  });

  it.each<[string, string, RequestInit, number, RegExp]>([
    ["no id", "/item", {}, 400, /id is missing/],
    ["an empty id", "/item?id=", {}, 400, /id is empty/],
    ["an id that is too long", `/item?id=${"k".repeat(1025)}`, {}, 400, /1025 bytes long, at most 1024/],
    ["no val", "/item", json("POST", { id: "a" }), 400, /val is missing/],
    ["an id that is no text", "/item", json("POST", { id: 1, val: "a" }), 400, /id must be text/],
    ["a val that is an object", "/item", json("POST", { id: "a", val: {} }), 400, /val must be text/],
    ["a body that is no JSON", "/item", json("POST", "{"), 400, /not JSON/],
    ["a body that is an array", "/item", json("POST", []), 400, /must be a JSON object/],
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
    ["a route that is none", "/nothing", {}, 404, /no such route/],
    ["a route of an object's prototype", "/__proto__", {}, 404, /no such route/],
    ["a method that is none", "/item", { method: "PUT" }, 405, /takes GET, POST, DELETE/],
  ])("refuses %s with a reason", async (_, path, init, status, reason) => {
    const response = await api.fetch(path, init);
    expect(response.status).toBe(status);
    expect(((await response.json()) as { error: string }).error).toMatch(reason);
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

  it("answers only the origins that are allowed, where some are named", async () => {
    const strict = await startApi(main.url, replica.url, { ALLOWED_ORIGINS: "https://a.example, https://b.example" });
    const allowed = async (origin: string) =>
      (await strict.fetch("/livez", { headers: { origin } })).headers.get("access-control-allow-origin");
    expect(await allowed("https://b.example")).toBe("https://b.example");
    expect(await allowed("https://c.example")).toBeNull();
    await strict.server.stop();
  });

  it("tells its metrics by route pattern and status, with CPU, memory and event loop", async () => {
    await item("nothing");
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
    // never a raw path: it would grow without end
    expect(text).not.toContain("/nothing");
    expect(text).toContain('route="other"');
  });
});
