/** What an autoscaler reads of the API: the last seconds, and what the replicas have to do. */
import { createServer, type Server } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startApi, type Api } from "../helpers/api";
import { Cluster } from "../helpers/cluster";
import { eventually, hasRedis, pause } from "../helpers/redis";

describe.skipIf(!hasRedis)("the load that the API tells", () => {
  let cluster: Cluster;
  let api: Api;

  beforeAll(async () => {
    cluster = await new Cluster().start(2);
    api = await startApi(cluster.main.url, undefined, cluster.env);
    await eventually(
      "all replicas to serve",
      async () => (await api.metric('redis_pool_replicas{state="serving"}')) === 2,
    );
  });
  afterAll(async () => {
    await api?.server.stop();
    await cluster?.stop();
  });

  it("is the requests of the last two seconds, whoever asks and however often", async () => {
    expect(await api.metric("http_requests_per_second")).toBe(0);
    const seen: number[] = [];
    for (const end = performance.now() + 3000; performance.now() < end;) {
      await api.fetch("/item?id=absent");
      await pause(9);
      // another reader in between must not take the figure away
      if (performance.now() > end - 500) seen.push(await api.metric("http_requests_per_second"));
    }
    const mean = seen.reduce((a, b) => a + b) / seen.length;
    expect(mean).toBeGreaterThan(20);
    for (const value of seen) expect(Math.abs(value - mean)).toBeLessThan(mean / 2);
    await eventually("it to be forgotten", async () => (await api.metric("http_requests_per_second")) === 0);
  });

  it("leaves out what is no work for callers: probes and metrics", async () => {
    for (let i = 0; i < 20; i++) await api.fetch("/livez");
    expect(await api.metric("http_requests_per_second")).toBe(0);
  });

  it("has what the replicas have to do, whoever asks them", async () => {
    // each replica is asked by this process, and by main's replication
    expect(await api.metric("redis_replicas_connected_clients")).toBeGreaterThanOrEqual(2);
    await eventually("commands of somebody else", async () => {
      for (let i = 0; i < 50; i++) cluster.replicas[1]!.cli("PING");
      return (await api.metric("redis_replicas_commands_per_second")) > 20;
    });
  });

  it("tells of its pool and of what it refuses", async () => {
    const text = await api.metrics();
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
});

describe("the load of replicas", () => {
  it("is not told where none has said its own: an autoscaler must not take silence for rest", async () => {
    // a replica that accepts and never answers
    const silent: Server = createServer(() => undefined).listen(0, "127.0.0.1");
    await new Promise((resolve) => silent.once("listening", resolve));
    const { port } = silent.address() as { port: number };
    const url = `redis://127.0.0.1:${port}`;
    const api = await startApi(url, url);
    try {
      const text = await api.metrics();
      expect(text).not.toMatch(/^redis_replicas_commands_per_second \d/m);
      expect(text).not.toMatch(/^redis_replicas_connected_clients \d/m);
    } finally {
      await api.server.stop();
      silent.close();
    }
  });
});
