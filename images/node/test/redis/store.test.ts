/** Where commands go, and how lists behave on the Redis behind them. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { json, startApi, type Api } from "../helpers/api";
import { Cluster } from "../helpers/cluster";
import { eventually, hasRedis, Redis } from "../helpers/redis";

describe.skipIf(!hasRedis)("the API on Redis main and three replicas", () => {
  let cluster: Cluster;
  let api: Api;

  beforeAll(async () => {
    cluster = await new Cluster().start(3);
    api = await startApi(cluster.main.url, undefined, cluster.env);
    await eventually("all replicas to serve", async () => (await serving()) === 3);
    cluster.main.cli("SET", "k", "v");
    await cluster.synced();
  });
  afterAll(async () => {
    await api?.server.stop();
    await cluster?.stop();
  });

  const metric = async (line: RegExp) => Number(line.exec(await (await api.fetch("/metrics")).text())?.[1] ?? NaN);
  const serving = () => metric(/^redis_pool_replicas\{state="serving"\} (\d+)/m);
  const calls = (redis: Redis, command: string) =>
    Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(redis.cli("INFO", "commandstats"))?.[1] ?? 0);
  const gets = (n: number, init: RequestInit = {}) =>
    Promise.all(Array.from({ length: n }, () => api.fetch("/item?id=k", init).then((r) => r.status)));

  it("writes to main and reads from the replicas, evenly", async () => {
    await api.fetch("/item", json("POST", { id: "k1", val: "v1" }));
    expect(cluster.main.cli("GET", "k1").trim()).toBe("v1");
    const before = cluster.replicas.map((r) => calls(r, "getrange"));
    const onMain = calls(cluster.main, "getrange");
    for (let i = 0; i < 30; i++) await gets(20);
    const shares = cluster.replicas.map((r, i) => calls(r, "getrange") - before[i]!);
    expect(shares.reduce((a, b) => a + b)).toBe(600);
    for (const share of shares) expect(share).toBeGreaterThan(140);
    expect(calls(cluster.main, "getrange")).toBe(onMain);
  });

  it("asks main for a strong read, and counts it", async () => {
    const before = calls(cluster.main, "getrange");
    await gets(10, { headers: { consistency: "strong" } });
    expect(calls(cluster.main, "getrange")).toBe(before + 10);
    expect(await metric(/^redis_pool_reads_from_main_total\{reason="strong"\} (\d+)/m)).toBeGreaterThanOrEqual(10);
  });

  it("a new replica gets its share at once, one that leaves gets nothing more", async () => {
    const joined = await cluster.add();
    await eventually("it to serve", async () => (await serving()) === 4);
    const before = calls(joined, "getrange");
    for (let i = 0; i < 20; i++) await gets(20);
    // a quarter of 400, give or take
    expect(calls(joined, "getrange") - before).toBeGreaterThan(70);
    cluster.leave(joined);
    await eventually("it to be forgotten", async () => (await serving()) === 3);
    const after = calls(joined, "getrange");
    expect(await gets(100)).toEqual(Array(100).fill(200));
    expect(calls(joined, "getrange")).toBe(after);
    expect(await (await api.fetch("/metrics")).text()).not.toContain(`instance_name="${Cluster.nameOf(joined)}"`);
    await joined.stop();
  });

  it("tells of its pool and of what it refuses", async () => {
    const text = await (await api.fetch("/metrics")).text();
    for (const line of [
      "http_connections \\d+",
      'http_requests_shed_total\\{reason="in_flight"\\} 0',
      "redis_main_up 1",
      'redis_pool_source\\{source="watch"\\} 1',
      'redis_pool_reads_total\\{instance_name="replica-\\d+"\\} \\d+',
      'redis_pool_read_failures_total\\{instance_name="replica-\\d+"\\} 0',
      'redis_pool_read_seconds_total\\{instance_name="replica-\\d+"\\} [\\d.e-]+',
      'redis_pool_commands_in_flight\\{instance_name="replica-\\d+"\\} \\d+',
      'redis_pool_replica_lag_seconds\\{instance_name="replica-\\d+"\\} [\\d.]+',
      'redis_pool_replica_serving\\{instance_name="replica-\\d+"\\} 1',
    ]) {
      expect(text).toMatch(new RegExp(`^${line}$`, "m"));
    }
  });

  it("lists by SCAN and never by KEYS, and every key comes", async () => {
    cluster.main.cli("EVAL", "for i = 1, 20000 do redis.call('SET', 'many:' .. i, i) end", "0");
    await cluster.synced();
    const keys = (await (await api.fetch("/items?match=many:*")).json()) as string[];
    expect(new Set(keys).size).toBe(20000);
    for (const redis of [cluster.main, ...cluster.replicas]) {
      expect(redis.cli("INFO", "commandstats")).not.toMatch(/cmdstat_keys:/);
    }
  });

  it("a page's cursor stays with its instance, and is gone with it", async () => {
    const first = (await (await api.fetch("/items?limit=100")).json()) as { items: string[]; cursor: string };
    const runId = Buffer.from(first.cursor, "base64url").toString().split(":")[0]!;
    const owner = cluster.replicas.find((r) => r.cli("INFO", "server").includes(runId))!;
    const before = calls(owner, "scan");
    const next = await api.fetch(`/items?limit=100&cursor=${first.cursor}`);
    expect(next.status).toBe(200);
    expect(calls(owner, "scan")).toBe(before + 1);
    cluster.leave(owner);
    await eventually("it to be forgotten", async () => (await serving()) === 2);
    expect((await api.fetch(`/items?limit=100&cursor=${first.cursor}`)).status).toBe(410);
    cluster.rejoin(owner);
    await eventually("it to be back", async () => (await serving()) === 3);
  });

  it("a whole list goes on when its replica dies in the middle, and misses no key", async () => {
    const response = await api.fetch("/items?match=many:*");
    const reader = response.body!.getReader();
    let text = new TextDecoder().decode((await reader.read()).value);
    const busy = () =>
      cluster.replicas.find((r) => calls(r, "scan") > 0 && r.cli("CLIENT", "LIST").includes("cmd=scan"));
    const owner = busy();
    expect(owner).toBeDefined();
    cluster.leave(owner!);
    await owner!.stop();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      text += new TextDecoder().decode(part.value as Uint8Array);
    }
    expect(new Set(JSON.parse(text) as string[]).size).toBe(20000);
  });
});

describe.skipIf(!hasRedis)("the API with some origins only", () => {
  it("answers only the origins that are allowed, where some are named", async () => {
    const strict = await startApi("redis://127.0.0.1:1", undefined, {
      ALLOWED_ORIGINS: "https://a.example, https://b.example",
    });
    const allowed = async (origin: string) =>
      (await strict.fetch("/livez", { headers: { origin } })).headers.get("access-control-allow-origin");
    expect(await allowed("https://b.example")).toBe("https://b.example");
    expect(await allowed("https://c.example")).toBeNull();
    await strict.server.stop();
  });
});
