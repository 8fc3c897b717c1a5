/** Tests lists with several Redis instances. */
import { Redis as Client } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startApi, type Api } from "../helpers/api";
import { Cluster } from "../helpers/cluster";
import { eventually, hasRedis, PASSWORD } from "../helpers/redis";

describe.skipIf(!hasRedis)("lists on Redis main and three replicas", () => {
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

  const serving = () => api.metric('redis_pool_replicas{state="serving"}');

  it("use SCAN and never KEYS, and contain every key", async () => {
    cluster.main.cli("EVAL", "for i = 1, 20000 do redis.call('SET', 'many:' .. i, i) end", "0");
    await cluster.synced();
    const keys = (await (await api.fetch("/items?match=many:*")).json()) as string[];
    expect(new Set(keys).size).toBe(20000);
    for (const redis of [cluster.main, ...cluster.replicas]) {
      expect(redis.cli("INFO", "commandstats")).not.toMatch(/cmdstat_keys:/);
    }
  });

  it("continue on the instance that issued the cursor, and return 410 if that instance is unavailable", async () => {
    const first = (await (await api.fetch("/items?limit=100")).json()) as { items: string[]; cursor: string };
    const runId = Buffer.from(first.cursor, "base64url").toString().split(":")[0]!;
    const owner = cluster.replicas.find((r) => r.cli("INFO", "server").includes(runId))!;
    const before = owner.calls("scan");
    const next = await api.fetch(`/items?limit=100&cursor=${first.cursor}`);
    expect(next.status).toBe(200);
    expect(owner.calls("scan")).toBeGreaterThan(before);
    cluster.leave(owner);
    await eventually("the replica to be removed", async () => (await serving()) === 2);
    expect((await api.fetch(`/items?limit=100&cursor=${first.cursor}`)).status).toBe(410);
    cluster.rejoin(owner);
    await eventually("the replica to serve again", async () => (await serving()) === 3);
  });

  it("reject a replica's cursor for a strong list, but accept main's", async () => {
    const strong = { headers: { consistency: "strong" } };
    const page = async (cursor: string, init?: RequestInit) => api.fetch(`/items?limit=10${cursor}`, init);
    const { cursor: replicas } = (await (await page("")).json()) as { cursor: string };
    const refused = await page(`&cursor=${replicas}`, strong);
    expect([refused.status, await refused.json()]).toEqual([
      410,
      { error: expect.stringContaining("start again without a cursor") as string },
    ]);
    const { cursor: mains } = (await (await page("", strong)).json()) as { cursor: string };
    const before = cluster.main.calls("scan");
    expect((await page(`&cursor=${mains}`, strong)).status).toBe(200);
    expect(cluster.main.calls("scan")).toBeGreaterThan(before);
  });

  it("go over a separate connection", async () => {
    await (await api.fetch("/items?limit=10", { headers: { consistency: "strong" } })).text();
    const last = cluster.main
      .cli("CLIENT", "LIST")
      .match(/name=api .*cmd=\S+/g)!
      .map((line) => line.split("cmd=")[1]);
    // the shared connection has been used for reads and checks in the meantime
    await eventually("the other to be used", () =>
      cluster.main
        .cli("CLIENT", "LIST")
        .split("\n")
        .some((line) => line.includes("name=api ") && line.includes("cmd=scan")),
    );
    expect(last.length).toBeGreaterThanOrEqual(2);
  });

  it("do not go to main if replicas serve other requests but are too busy for lists", async () => {
    const other = await startApi(cluster.main.url, undefined, cluster.env);
    const admins = cluster.replicas.map(({ port }) => new Client({ port, password: PASSWORD }));
    await Promise.all(admins.map((admin) => admin.ping()));
    try {
      await eventually(
        "all replicas to serve",
        async () => (await other.metric('redis_pool_replicas{state="serving"}')) === 3,
      );
      const before = cluster.main.calls("scan");
      // allows no new connections, so none for lists; existing connections still work
      for (const admin of admins) await admin.config("SET", "maxclients", "1");
      const response = await other.fetch("/items?limit=10");
      expect([response.status, response.headers.get("retry-after")]).toEqual([503, "1"]);
      expect((await other.fetch("/items")).status).toBe(503);
      expect(cluster.main.calls("scan")).toBe(before);
      expect((await other.fetch("/item?id=k")).status).toBe(200);
    } finally {
      await other.server.stop();
      for (const admin of admins) {
        await admin.config("SET", "maxclients", "10000");
        admin.disconnect();
      }
    }
  });

  it("continue without missing a key if their replica dies", async () => {
    const response = await api.fetch("/items?match=many:*");
    const reader = response.body!.getReader();
    let text = new TextDecoder().decode((await reader.read()).value);
    const busy = () =>
      cluster.replicas.find((r) => r.calls("scan") > 0 && r.cli("CLIENT", "LIST").includes("cmd=scan"));
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
