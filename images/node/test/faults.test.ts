/** What a caller sees when Redis stops, hangs, dies or refuses: 503 in time, and recovery. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { json, startApi, type Api } from "./api";
import { eventually, freePort, hasRedis, Redis } from "./redis";

/** A command's time limit here is 300 ms, a read may try twice. */
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

  it("main dead: writes get 503 with a reason at once, reads go on, and writes recover with main", async () => {
    await main.stop();
    const answer = await timed(write);
    expect(answer.status).toBe(503);
    expect(JSON.parse(answer.body)).toHaveProperty("error");
    expect(answer.ms).toBeLessThan(IN_TIME_MS);
    expect((await api.fetch("/item?id=k")).status).toBe(200);
    await main.start();
    await eventually("writes to work again", async () => (await write()).status === 200);
  });

  it("main hangs: writes get 503 in time, not a hang", async () => {
    main.signal("SIGSTOP");
    const answers = await Promise.all(Array.from({ length: 20 }, () => timed(write)));
    for (const answer of answers) {
      expect(answer.status).toBe(503);
      expect(answer.ms).toBeLessThan(IN_TIME_MS);
    }
    main.signal("SIGCONT");
    await eventually("writes to work again", async () => (await write()).status === 200);
  });

  it("replica dead or hanging: reads are answered by main", async () => {
    replica.signal("SIGSTOP");
    expect((await timed(() => api.fetch("/item?id=k"))).status).toBe(200);
    await replica.stop();
    expect((await timed(() => api.fetch("/item?id=k"))).status).toBe(200);
    expect((await api.fetch("/readyz")).status).toBe(200);
  });

  it("all dead: everything gets 503 in time, /readyz with the reason, /livez stays 200", async () => {
    await Promise.all([main.stop(), replica.stop()]);
    for (const run of [write, () => api.fetch("/item?id=k"), () => api.fetch("/items")]) {
      const answer = await timed(run);
      expect(answer.status).toBe(503);
      expect(answer.ms).toBeLessThan(IN_TIME_MS);
    }
    await eventually("readyz to notice", async () => (await api.fetch("/readyz")).status === 503);
    expect(await (await api.fetch("/readyz")).text()).toMatch(/no connection to Redis/);
    expect((await api.fetch("/livez")).status).toBe(200);
  });

  it("main full: writes get 503 that says OOM, reads go on", async () => {
    main.cli("CONFIG", "SET", "maxmemory", "1");
    const answer = await timed(write);
    expect(answer.status).toBe(503);
    expect(answer.body).toContain("Redis refused: OOM");
    expect((await api.fetch("/item?id=k")).status).toBe(200);
  });

  it("starts before Redis does, and gets ready with it", async () => {
    const late = new Redis(await freePort());
    const early = await startApi(late.url, late.url);
    expect((await early.fetch("/readyz")).status).toBe(503);
    await late.start();
    await eventually("readyz to turn", async () => (await early.fetch("/readyz")).status === 200);
    await early.server.stop();
    await late.stop();
  });

  it("a stop finishes what is in flight and takes nothing new", async () => {
    replica.signal("SIGSTOP");
    const inFlight = api.fetch("/item?id=k");
    await new Promise((resolve) => setTimeout(resolve, 100));
    const stopped = api.server.stop();
    const response = await inFlight;
    expect(response.status).toBe(200);
    expect(await response.text()).toBe("v");
    await stopped;
    await expect(api.fetch("/livez")).rejects.toThrow();
    replica.signal("SIGCONT");
  });
});
