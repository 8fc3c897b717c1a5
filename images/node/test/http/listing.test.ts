/** Lists on several Redis instances. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startApi, type Api } from "../helpers/api";
import { Cluster } from "../helpers/cluster";
import { eventually, hasRedis } from "../helpers/redis";

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

  it("continue a page on the instance of its cursor, and answer 410 without that instance", async () => {
    const first = (await (await api.fetch("/items?limit=100")).json()) as { items: string[]; cursor: string };
    const runId = Buffer.from(first.cursor, "base64url").toString().split(":")[0]!;
    const owner = cluster.replicas.find((r) => r.cli("INFO", "server").includes(runId))!;
    const before = owner.calls("scan");
    const next = await api.fetch(`/items?limit=100&cursor=${first.cursor}`);
    expect(next.status).toBe(200);
    expect(owner.calls("scan")).toBe(before + 1);
    cluster.leave(owner);
    await eventually("the replica to be removed", async () => (await serving()) === 2);
    expect((await api.fetch(`/items?limit=100&cursor=${first.cursor}`)).status).toBe(410);
    cluster.rejoin(owner);
    await eventually("the replica to serve again", async () => (await serving()) === 3);
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
