/** Tests the metrics for autoscalers, and those of the replica pool. */
import type { Registry } from "prom-client";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { Turns } from "../../src/metrics/turns";
import { startApi, type Api } from "../helpers/api";
import { Cluster } from "../helpers/cluster";
import { FakeKubernetes } from "../helpers/fake-kubernetes";
import { eventually, hasRedis, pause } from "../helpers/redis";
import { silentServer } from "../helpers/silent-server";

describe.skipIf(!hasRedis)("the metrics", () => {
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

  it("include the request rate over the last two seconds, regardless of the number and frequency of scrapes", async () => {
    expect(await api.metric("http_requests_per_second")).toBe(0);
    const seen: number[] = [];
    for (const end = performance.now() + 3000; performance.now() < end;) {
      await api.fetch("/item?id=absent");
      await pause(9);
      // another scrape must not change the value
      if (performance.now() > end - 500) seen.push(await api.metric("http_requests_per_second"));
    }
    const mean = seen.reduce((a, b) => a + b) / seen.length;
    // up to 100 on an idle machine
    expect(mean).toBeGreaterThan(2);
    for (const value of seen) expect(Math.abs(value - mean)).toBeLessThan(mean / 2);
    await eventually("the rate to drop to 0", async () => (await api.metric("http_requests_per_second")) === 0);
  });

  it("exclude probes and scrapes from the request rate", async () => {
    for (let i = 0; i < 20; i++) await api.fetch("/livez");
    expect(await api.metric("http_requests_per_second")).toBe(0);
  });

  it("include the replicas' load from all clients", async () => {
    // each replica's clients are this process and main's replication connection
    expect(await api.metric("redis_replicas_connected_clients")).toBeGreaterThanOrEqual(2);
    await eventually("commands of another client", async () => {
      for (let i = 0; i < 50; i++) cluster.replicas[1]!.cli("PING");
      return (await api.metric("redis_replicas_commands_per_second")) > 20;
    });
  });

  it("are computed once for all concurrent readers", async () => {
    const { metrics } = api.server as unknown as { metrics: { registry: { metrics: () => Promise<string> } } };
    const computed = vi.spyOn(metrics.registry, "metrics");
    try {
      const texts = await Promise.all(Array.from({ length: 40 }, () => api.metrics()));
      expect(new Set(texts.map((text) => text.length > 1000))).toEqual(new Set([true]));
      // connections are accepted one after the other, so some requests arrive later
      expect(computed.mock.calls.length).toBeLessThan(20);
      computed.mockClear();
      await api.metrics();
      await api.metrics();
      expect(computed).toHaveBeenCalledTimes(2);
    } finally {
      computed.mockRestore();
    }
  });

  it("take at most a quarter of the CPU time, regardless of the number of readers", async () => {
    const turn = new Turns(() => {
      for (const end = performance.now() + 20; performance.now() < end;);
      return Promise.resolve("text");
    });
    const begin = performance.now();
    let runs = 0;
    while (runs < 6) {
      expect(await turn.next()).toBe("text");
      runs++;
    }
    // five pauses of three times 20 ms
    expect(performance.now() - begin).toBeGreaterThan(5 * 60);
  });

  it("include the replica pool and the shed requests", async () => {
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

describe("metrics that are read by name", () => {
  let api: Api;
  let close: () => void;

  beforeAll(async () => {
    const { server, url } = await silentServer();
    close = () => void server.close();
    api = await startApi(url, undefined);
  });
  afterAll(async () => {
    await api?.server.stop();
    close?.();
  });
  const read = async (...names: string[]) => {
    const query = new URLSearchParams(names.map((name): [string, string] => ["name[]", name]));
    const response = await api.fetch(`/metrics?${query.toString()}`);
    expect(response.status).toBe(200);
    return response.text();
  };
  const registry = () => (api.server as unknown as { metrics: { registry: Registry } }).metrics.registry;

  it("are returned alone, in the same format", async () => {
    const text = await read("http_requests_per_second", "nodejs_eventloop_utilization");
    expect(text).toMatch(
      /^# HELP http_requests_per_second .*\n# TYPE http_requests_per_second gauge\nhttp_requests_per_second 0\n\n# HELP nodejs_eventloop_utilization .*\n# TYPE nodejs_eventloop_utilization gauge\nnodejs_eventloop_utilization [\d.e-]+\n$/,
    );
  });

  it("are the only ones that are computed", async () => {
    const spies = registry()
      .getMetricsAsArray()
      .map((metric) => ({ name: metric.name, get: vi.spyOn(metric as unknown as { get: () => unknown }, "get") }));
    await read("http_connections");
    const computed = spies.filter(({ get }) => get.mock.calls.length > 0).map(({ name }) => name);
    for (const { get } of spies) get.mockRestore();
    expect(computed).toEqual(["http_connections"]);
  });

  it("do not include names that are not metrics, even properties that every object has", async () => {
    expect(await read("constructor", "__proto__", "nothing")).toBe("");
    expect(await read("constructor", "http_connections")).toMatch(/^# HELP http_connections [^#]*# TYPE [^#]*$/);
  });

  it("are returned to each of several concurrent readers as requested", async () => {
    const [one, two, all] = await Promise.all([
      read("http_connections"),
      read("redis_main_up", "redis_main_up"),
      api.metrics(),
    ]);
    expect(one).toContain("\nhttp_connections ");
    expect(one).not.toContain("redis_main_up");
    expect(two.match(/^redis_main_up 0$/gm)).toHaveLength(1);
    expect(two).not.toContain("http_connections");
    expect(all).toContain("\nprocess_cpu_seconds_total ");
  });
});

describe("the load of replicas", () => {
  it("has no sample if no replica has reported it, so that an autoscaler does not mistake this for no load", async () => {
    // accepts connections and never answers
    const { server, url } = await silentServer();
    const api = await startApi(url, url);
    try {
      const text = await api.metrics();
      expect(text).not.toMatch(/^redis_replicas_commands_per_second \d/m);
      expect(text).not.toMatch(/^redis_replicas_connected_clients \d/m);
    } finally {
      await api.server.stop();
      server.close();
    }
  });
});

describe("the discovery sources", () => {
  it("are 1 for the source in use and 0 for the others, so that a failing watch can raise an alert", async () => {
    const kubernetes = await new FakeKubernetes().start();
    kubernetes.refuse = 403;
    const { server, url } = await silentServer();
    const api = await startApi(url, undefined, { ...kubernetes.env, REDIS_REPLICAS_DNS: "redis://localhost:7000" });
    try {
      await eventually("DNS in use", async () => (await api.metric('redis_pool_source{source="dns"}')) === 1);
      expect(await api.metric('redis_pool_source{source="watch"}')).toBe(0);
    } finally {
      await api.server.stop();
      server.close();
      await kubernetes.stop();
    }
  });
});
