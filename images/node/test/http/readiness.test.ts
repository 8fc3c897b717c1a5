/** Tests startup and the readiness probe. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startApi, type Api } from "../helpers/api";
import { eventually, freePort, hasRedis, pause, Redis } from "../helpers/redis";
import { silentServer } from "../helpers/silent-server";

describe.skipIf(!hasRedis)("a start with Redis", () => {
  let redis: Redis;
  beforeAll(async () => {
    redis = await new Redis(await freePort()).start();
  });
  afterAll(() => redis?.stop());

  it("is ready from the first response", async () => {
    for (let i = 0; i < 10; i++) {
      const api = await startApi(redis.url, undefined);
      try {
        expect((await api.fetch("/readyz")).status).toBe(200);
      } finally {
        await api.server.stop();
      }
    }
  });
});

describe("a start without Redis", () => {
  it("leads to a server that soon listens, and reports why it is not ready", async () => {
    const { server, url } = await silentServer();
    const begin = performance.now();
    const api = await startApi(url, undefined);
    try {
      expect(performance.now() - begin).toBeLessThan(2000);
      expect((await api.fetch("/livez")).status).toBe(200);
      const ready = await api.fetch("/readyz");
      expect(ready.status).toBe(503);
      expect(await ready.text()).toContain("no connection to Redis main yet");
    } finally {
      await api.server.stop();
      server.close();
    }
  });
});

describe.skipIf(!hasRedis)("readiness while Redis is unavailable", () => {
  let main: Redis;
  let replica: Redis;
  let api: Api | undefined;

  beforeEach(async () => {
    main = await new Redis(await freePort()).start();
    replica = await new Redis(await freePort(), main.port).start();
    main.cli("SET", "k", "v");
    await eventually("the replica to have the key", () => replica.cli("GET", "k").trim() === "v");
  });
  afterEach(async () => {
    await api?.server.stop();
    api = undefined;
    await replica.stop();
    await main.stop();
  });

  it("comes once Redis has started", async () => {
    const late = new Redis(await freePort());
    const early = await startApi(late.url, late.url);
    expect((await early.fetch("/readyz")).status).toBe(503);
    await late.start();
    await eventually("/readyz to answer 200", async () => (await early.fetch("/readyz")).status === 200);
    await early.server.stop();
    await late.stop();
  });

  it("is delayed while main is unavailable, because another pod could handle the writes", async () => {
    await main.stop();
    const early = await startApi(main.url, replica.url);
    await eventually("the API to read from the replica", async () => (await early.fetch("/item?id=k")).status === 200);
    const refused = await early.fetch("/readyz");
    expect([refused.status, await refused.text()]).toEqual([503, expect.stringContaining("main yet")]);
    await eventually("the API to become ready without main", async () => (await early.fetch("/readyz")).status === 200);
    await early.server.stop();
  });

  it("stays after main is lost", async () => {
    const { fetch } = (api = await startApi(main.url, replica.url));
    await eventually("the API to be ready", async () => (await fetch("/readyz")).status === 200);
    await main.stop();
    await pause(300);
    expect((await fetch("/readyz")).status).toBe(200);
  });
});
