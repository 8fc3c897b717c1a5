/** Tests which commands go to main and which to replicas. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { json, startApi, type Api } from "../helpers/api";
import { Cluster } from "../helpers/cluster";
import { eventually, hasRedis } from "../helpers/redis";

describe.skipIf(!hasRedis)("the API with Redis main and three replicas", () => {
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
  const gets = (n: number, init: RequestInit = {}) =>
    Promise.all(Array.from({ length: n }, () => api.fetch("/item?id=k", init).then((r) => r.status)));

  it("writes to main and spreads reads evenly over the replicas", async () => {
    await api.fetch("/item", json("POST", { id: "k1", val: "v1" }));
    expect(cluster.main.cli("GET", "k1").trim()).toBe("v1");
    const before = cluster.replicas.map((r) => r.calls("getrange"));
    const onMain = cluster.main.calls("getrange");
    for (let i = 0; i < 30; i++) await gets(20);
    const shares = cluster.replicas.map((r, i) => r.calls("getrange") - before[i]!);
    expect(shares.reduce((a, b) => a + b)).toBe(600);
    for (const share of shares) expect(share).toBeGreaterThan(140);
    expect(cluster.main.calls("getrange")).toBe(onMain);
  });

  it("sends a strong read to main and counts it", async () => {
    const before = cluster.main.calls("getrange");
    await gets(10, { headers: { consistency: "strong" } });
    expect(cluster.main.calls("getrange")).toBe(before + 10);
    expect(await api.metric('redis_pool_reads_from_main_total{reason="strong"}')).toBeGreaterThanOrEqual(10);
  });

  it("immediately sends a new replica its share of the reads, and sends no more to a removed one", async () => {
    const joined = await cluster.add();
    await eventually("the replica to serve", async () => (await serving()) === 4);
    const before = joined.calls("getrange");
    for (let i = 0; i < 20; i++) await gets(20);
    // about a quarter of 400
    expect(joined.calls("getrange") - before).toBeGreaterThan(70);
    cluster.leave(joined);
    await eventually("the replica to be removed", async () => (await serving()) === 3);
    const after = joined.calls("getrange");
    expect(await gets(100)).toEqual(Array(100).fill(200));
    expect(joined.calls("getrange")).toBe(after);
    expect(await api.metrics()).not.toContain(`instance_name="${Cluster.nameOf(joined)}"`);
    await joined.stop();
  });
});
