/** Tests what callers see when Redis is down, hangs or rejects commands: a timely 503, then recovery. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { json, startApi, type Api } from "../helpers/api";
import { eventually, freePort, hasRedis, pause, Redis } from "../helpers/redis";

/** The command timeout here is 300 ms, and a read may try three times. */
const IN_TIME_MS = 1500;

describe.skipIf(!hasRedis)("the API while Redis fails", () => {
  let main: Redis;
  let replica: Redis;
  let api: Api;

  beforeEach(async () => {
    main = await new Redis(await freePort()).start();
    replica = await new Redis(await freePort(), main.port).start();
    main.cli("SET", "k", "v");
    await eventually("the replica to have the key", () => replica.cli("GET", "k").trim() === "v");
    api = await startApi(main.url, replica.url);
    await eventually("the API to read", async () => (await api.fetch("/item?id=k")).status === 200);
    await eventually("the API to write", async () => (await write()).status === 200);
  });
  afterEach(async () => {
    await api.server.stop();
    await replica.stop();
    await main.stop();
  });

  const write = () => api.fetch("/item", json("POST", { id: "w", val: "1" }));
  const timed = async (run: () => Promise<Response>) => {
    const begin = Date.now();
    const response = await run();
    return { status: response.status, body: await response.text(), ms: Date.now() - begin };
  };

  it("answers writes with 503 and a reason while main is down, but serves reads, and recovers with main", async () => {
    await main.stop();
    const answer = await timed(write);
    expect(answer.status).toBe(503);
    expect(JSON.parse(answer.body)).toHaveProperty("error");
    expect(answer.ms).toBeLessThan(IN_TIME_MS);
    expect((await api.fetch("/item?id=k")).status).toBe(200);
    await main.start();
    await eventually("writes to work again", async () => (await write()).status === 200);
  });

  it("answers writes with 503 in time while main hangs", async () => {
    main.signal("SIGSTOP");
    const answers = await Promise.all(Array.from({ length: 20 }, () => timed(write)));
    for (const answer of answers) {
      expect(answer.status).toBe(503);
      expect(answer.ms).toBeLessThan(IN_TIME_MS);
    }
    main.signal("SIGCONT");
    await eventually("writes to work again", async () => (await write()).status === 200);
  });

  it("opens a new connection to a main that hangs for a long time, and writes recover", async () => {
    main.signal("SIGSTOP");
    await pause(4500);
    expect((await timed(write)).status).toBe(503);
    main.signal("SIGCONT");
    await eventually("writes to work again", async () => (await write()).status === 200);
  });

  it("makes writes wait while main restarts, so that none fails", async () => {
    const answers: Promise<{ status: number }>[] = [];
    const patient = await startApi(main.url, replica.url, { REDIS_COMMAND_TIMEOUT_MS: "3000" });
    await eventually("the API to be ready", async () => (await patient.fetch("/readyz")).status === 200);
    await main.stop();
    for (let i = 0; i < 20; i++) answers.push(patient.fetch("/item", json("POST", { id: `w${i}`, val: "1" })));
    await pause(500);
    await main.start();
    for (const answer of await Promise.all(answers)) expect(answer.status).toBe(200);
    await patient.server.stop();
  });

  it("reconnects if main has become a replica, and writes work again once it is main", async () => {
    main.cli("REPLICAOF", "127.0.0.1", String(replica.port));
    const answer = await timed(write);
    expect([answer.status, answer.body]).toEqual([503, expect.stringContaining("READONLY")]);
    main.cli("REPLICAOF", "NO", "ONE");
    await eventually("writes to work again", async () => (await write()).status === 200);
  });

  it("does not count a blocked event loop as a timeout", async () => {
    const answers = Promise.all([write(), api.fetch("/item?id=k"), write()]);
    await pause(5);
    const end = Date.now() + 1000;
    while (Date.now() < end);
    for (const answer of await answers) expect(answer.status).toBe(200);
    expect((await write()).status).toBe(200);
  });

  it("returns 409 for a key of another type", async () => {
    main.cli("LPUSH", "list", "x");
    await eventually("the replica to have the key", () => replica.cli("EXISTS", "list").trim() === "1");
    expect((await api.fetch("/item?id=list")).status).toBe(409);
  });

  it("reads from main if the replica is down or hangs", async () => {
    replica.signal("SIGSTOP");
    expect((await timed(() => api.fetch("/item?id=k"))).status).toBe(200);
    await replica.stop();
    expect((await timed(() => api.fetch("/item?id=k"))).status).toBe(200);
    expect((await api.fetch("/readyz")).status).toBe(200);
  });

  it("answers everything with 503 in time while all Redis instances are down, except /livez", async () => {
    await Promise.all([main.stop(), replica.stop()]);
    for (const run of [write, () => api.fetch("/item?id=k"), () => api.fetch("/items")]) {
      const answer = await timed(run);
      expect(answer.status).toBe(503);
      expect(answer.ms).toBeLessThan(IN_TIME_MS);
    }
    await eventually("/readyz to answer 503", async () => (await api.fetch("/readyz")).status === 503);
    expect(await (await api.fetch("/readyz")).text()).toMatch(/no connection to Redis/);
    expect((await api.fetch("/livez")).status).toBe(200);
  });

  it("answers writes with 503 and OOM while main is full, but serves reads", async () => {
    main.cli("CONFIG", "SET", "maxmemory", "1");
    const answer = await timed(write);
    expect(answer.status).toBe(503);
    expect(answer.body).toContain("Redis refused: OOM");
    expect((await api.fetch("/item?id=k")).status).toBe(200);
  });
});
