/** Tests that readers do not notice replica faults. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { form, startApi, type Api } from "../../helpers/api";
import { Cluster } from "../../helpers/cluster";
import { eventually, freePort, hasRedis, pause, Redis } from "../../helpers/redis";

describe.skipIf(!hasRedis)("the API with constant reads from several replicas", () => {
  let cluster: Cluster;
  let api: Api;

  beforeEach(async () => {
    cluster = await new Cluster().start(3);
    api = await startApi(cluster.main.url, undefined, { ...cluster.env, REDIS_MAX_STALE_SECONDS: "2" });
    await eventually("all replicas to serve", async () => (await serving()) === 3);
    cluster.main.cli("SET", "k", "v");
    await cluster.synced();
  });
  afterEach(async () => {
    await api.server.stop();
    await cluster.stop();
  });

  const state = (name: string) => api.metric(`redis_pool_replicas{state="${name}"}`);
  const serving = () => state("serving");

  /** Keeps reading while `fault` runs, and counts the responses by status and text. */
  async function readingWhile(fault: () => Promise<void>): Promise<Record<string, number>> {
    const seen: Record<string, number> = {};
    let done = false;
    const readers = Array.from({ length: 20 }, async () => {
      while (!done) {
        const answer = await api.fetch("/item?id=k").then(
          async (r) => `${r.status} ${await r.text()}`,
          (e: Error) => e.message,
        );
        seen[answer] = (seen[answer] ?? 0) + 1;
        await pause(2);
      }
    });
    await fault();
    done = true;
    await Promise.all(readers);
    return seen;
  }

  it.each<[string, (r: Redis) => Promise<void> | void, string]>([
    ["leaves the endpoints", (r) => cluster.leave(r), "serving"],
    ["dies", (r) => r.stop(), "connecting"],
    ["hangs", (r) => r.signal("SIGSTOP"), "hanging"],
    ["has been disconnected from main for long", (r) => void r.cli("REPLICAOF", "127.0.0.1", "1"), "unlinked"],
    ["reports that it is a main", (r) => void r.cli("REPLICAOF", "NO", "ONE"), "other-role"],
  ])("fails no read when a replica %s", async (_, fault, expected) => {
    const victim = cluster.replicas[1]!;
    const seen = await readingWhile(async () => {
      await pause(300);
      await fault(victim);
      if (expected !== "serving")
        await eventually(`the replica to be ${expected}`, async () => (await state(expected)) === 1);
      await pause(800);
      expect(await serving()).toBe(2);
    });
    expect(Object.keys(seen)).toEqual(["200 v"]);
    expect(seen["200 v"]).toBeGreaterThan(50);
    victim.signal("SIGCONT");
    if (!cluster.replicas.includes(victim)) await victim.stop();
  });

  it("serves no stale read from a replica that lags by more than the limit", async () => {
    const [victim] = cluster.replicas;
    await api.server.stop();
    api = await startApi(cluster.main.url, undefined, { ...cluster.env, REDIS_MAX_LAG_MS: "500" });
    await eventually("all replicas to serve", async () => (await serving()) === 3);
    // it still answers, with old data, and has not been disconnected for longer than the limit: only its offset shows
    // the lag
    victim!.cli("CONFIG", "SET", "masterauth", "wrong");
    cluster.main.cli("CLIENT", "KILL", "TYPE", "replica");
    for (let i = 0; i < 20; i++) {
      cluster.main.cli("SET", "k", `new${i}`);
      await pause(100);
    }
    await eventually("the replica to be excluded", async () => (await serving()) === 2);
    const seen = await readingWhile(() => pause(300));
    expect(Object.keys(seen)).toEqual(["200 new19"]);
    expect(await api.metrics()).toMatch(/redis_pool_replica_lag_seconds\{instance_name="replica-\d+"\} [1-9]/);
  });

  it("serves no read from a replica that follows another main", async () => {
    await api.server.stop();
    api = await startApi(cluster.main.url, undefined, { ...cluster.env, REDIS_MAX_LAG_MS: "500" });
    await eventually("all replicas to serve", async () => (await serving()) === 3);
    const other = await new Redis(await freePort()).start();
    try {
      other.cli("SET", "k", "other");
      cluster.replicas[0]!.cli("REPLICAOF", "127.0.0.1", String(other.port));
      await eventually("the replica to be excluded", async () => (await state("lagging")) === 1);
      const seen = await readingWhile(() => pause(1000));
      expect(Object.keys(seen)).toEqual(["200 v"]);
    } finally {
      await other.stop();
    }
  });

  it("reads from main while all replicas are down", async () => {
    const all = [...cluster.replicas];
    const seen = await readingWhile(async () => {
      for (const replica of all) await replica.stop();
      await pause(300);
      for (const replica of all) await replica.start();
      await eventually("all replicas to serve again", async () => (await serving()) === 3);
    });
    expect(Object.keys(seen)).toEqual(["200 v"]);
    expect(await api.metrics()).toMatch(/^redis_pool_reads_from_main_total\{reason="fallback"\} [1-9]/m);
  });

  it("fails no read when main returns after a while and all replicas stop answering while they copy its data", async () => {
    await api.server.stop();
    const patience = { REDIS_COMMAND_TIMEOUT_MS: "2000", REDIS_WRITE_PATIENCE_MS: "2000" };
    api = await startApi(cluster.main.url, undefined, { ...cluster.env, ...patience, REDIS_MAX_STALE_SECONDS: "30" });
    await eventually("all replicas to serve", async () => (await serving()) === 3);
    const seen = await readingWhile(async () => {
      await cluster.main.stop();
      await pause(2500);
      await Promise.all(cluster.replicas.map((replica) => replica.stop()));
      await cluster.main.start();
      await pause(1000);
    });
    // main is back without its data
    expect(Object.keys(seen).map((answer) => answer.slice(0, 3))).toEqual(["200", "404"]);
    expect(await api.metric('redis_pool_reads_from_main_total{reason="fallback"}')).toBeGreaterThan(0);
  });

  it("rejects reads and writes immediately if neither main nor a replica has answered for REDIS_MAIN_PATIENCE_MS", async () => {
    await cluster.main.stop();
    await Promise.all(cluster.replicas.map((replica) => replica.stop()));
    await pause(3500);
    const begin = performance.now();
    for (let i = 0; i < 20; i++) {
      expect((await api.fetch("/item?id=k")).status).toBe(503);
      expect((await api.fetch("/item", form("POST", { id: "k", val: "v" }))).status).toBe(503);
    }
    // 40 requests that wait would take 12 s
    expect(performance.now() - begin).toBeLessThan(6000);
  });

  it("keeps all replicas while main is down for longer than the lag limit", async () => {
    await api.server.stop();
    api = await startApi(cluster.main.url, undefined, { ...cluster.env, REDIS_MAX_LAG_MS: "500" });
    await eventually("all replicas to serve", async () => (await serving()) === 3);
    await cluster.main.stop();
    const seen = await readingWhile(() => pause(3000));
    expect(Object.keys(seen)).toEqual(["200 v"]);
    expect(await serving()).toBe(3);
  });

  it("keeps all replicas while main hangs", async () => {
    const seen = await readingWhile(async () => {
      cluster.main.signal("SIGSTOP");
      await pause(1500);
      expect(await serving()).toBe(3);
      cluster.main.signal("SIGCONT");
    });
    expect(Object.keys(seen)).toEqual(["200 v"]);
  });
});
