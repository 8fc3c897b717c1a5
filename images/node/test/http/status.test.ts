/** Tests `/status` and `/copies`. */
import { hostname } from "node:os";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Copies, Status } from "../../src/http/status";
import { json, startApi, type Api } from "../helpers/api";
import { Cluster } from "../helpers/cluster";
import { eventually, hasRedis, pause } from "../helpers/redis";

describe.skipIf(!hasRedis)("the status of the API", () => {
  let cluster: Cluster;
  let api: Api;

  const status = async () => (await (await api.fetch("/status")).json()) as Status;
  const copies = async (id: string) => (await (await api.fetch(`/copies?id=${id}`)).json()) as Copies;

  const bothServe = () =>
    eventually("both replicas to serve", async () =>
      (await status()).replicas.map((r) => r.state).every((s, _, all) => all.length === 2 && s === "serving"),
    );

  beforeAll(async () => {
    cluster = await new Cluster().start(2);
    api = await startApi(cluster.main.url, undefined, cluster.env);
    await bothServe();
  });
  afterAll(async () => {
    await api?.server.stop();
    await cluster?.stop();
  });

  it("names the server and its replicas, and counts requests", async () => {
    const before = await status();
    expect(before.server.name).toBe(hostname());
    expect(before.main).toEqual({ up: true });
    expect(before.source).toBe("watch");
    for (const replica of before.replicas) expect(replica.lagSeconds).toBeLessThan(5);
    for (let i = 0; i < 20; i++) await api.fetch("/item?id=none");
    const after = await status();
    expect(after.server.id).toBe(before.server.id);
    // requests for the status do not count
    expect(after.requests.answered - before.requests.answered).toBe(20);
    const reads = (s: Status) => s.replicas.reduce((sum, r) => sum + r.reads, s.readsFromMain);
    expect(reads(after) - reads(before)).toBeGreaterThanOrEqual(20);
    expect(after.requests.inFlight).toBe(0);
  });

  it("compares a key on all instances", async () => {
    expect((await api.fetch("/item", json("POST", { id: "copied", val: "é".repeat(10) }))).status).toBe(200);
    await cluster.synced();
    const found = await copies("copied");
    expect(found.main).toMatchObject({ name: "main", bytes: 20, same: true });
    expect(found.replicas).toHaveLength(2);
    for (const replica of found.replicas) expect(replica).toMatchObject({ bytes: 20, same: true });
  });

  it("distinguishes a missing key from an empty value", async () => {
    await api.fetch("/item", json("POST", { id: "hollow", val: "" }));
    expect((await copies("hollow")).main.bytes).toBe(0);
    expect((await copies("nowhere")).main.bytes).toBeNull();
    for (const replica of (await copies("nowhere")).replicas)
      expect(replica).toMatchObject({ bytes: null, same: true });
  });

  it("shows which replica has a different value, and why a replica did not answer", async () => {
    const [first, second] = cluster.replicas;
    await api.fetch("/item", json("POST", { id: "differs", val: "right" }));
    await cluster.synced();
    first!.cli("CONFIG", "SET", "replica-read-only", "no");
    first!.cli("SET", "differs", "wrong");
    second!.signal("SIGSTOP");
    try {
      const { replicas } = await copies("differs");
      const of = (redis: typeof first) => replicas.find((r) => r.name === Cluster.nameOf(redis!));
      expect(of(first)).toMatchObject({ bytes: 5, same: false });
      expect((of(second) as { reason: string }).reason).not.toBe("");
    } finally {
      second!.signal("SIGCONT");
    }
  });

  it("assigns replies to the right names if a replica is removed during the queries", async () => {
    await bothServe();
    const [first, second] = cluster.replicas;
    first!.signal("SIGSTOP");
    try {
      const asked = copies("nowhere");
      await pause(50);
      cluster.leave(first!);
      const { replicas } = await asked;
      const of = (redis: typeof first) => replicas.find((r) => r.name === Cluster.nameOf(redis!));
      expect(of(first)).toHaveProperty("reason");
      expect(of(second)).toMatchObject({ bytes: null, same: true });
    } finally {
      first!.signal("SIGCONT");
      cluster.rejoin(first!);
    }
  });

  it.each([
    ["no id", "/copies", 400],
    ["an empty id", "/copies?id=", 400],
  ])("rejects a comparison with %s", async (_, path, code) => {
    const response = await api.fetch(path);
    expect(response.status).toBe(code);
    expect(await response.json()).toHaveProperty("error");
  });

  it("returns 503 for a comparison without main", async () => {
    await cluster.main.stop();
    const response = await api.fetch("/copies?id=copied");
    expect(response.status).toBe(503);
    expect((await status()).main.up).toBe(false);
    await cluster.main.start();
    await eventually("comparisons to work again", async () => (await api.fetch("/copies?id=copied")).status === 200);
  });
});
