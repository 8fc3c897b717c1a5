/** How a process comes up: what probes see first. */
import { createServer } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startApi } from "../helpers/api";
import { freePort, hasRedis, Redis } from "../helpers/redis";

describe.skipIf(!hasRedis)("a start with Redis there", () => {
  let redis: Redis;
  beforeAll(async () => {
    redis = await new Redis(await freePort()).start();
  });
  afterAll(() => redis?.stop());

  it("is ready from its first answer on: no probe is told to come again", async () => {
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
  it("listens all the same, soon, and says why it is not ready", async () => {
    const silent = createServer(() => undefined).listen(0, "127.0.0.1");
    await new Promise((resolve) => silent.once("listening", resolve));
    const { port } = silent.address() as { port: number };
    const begin = performance.now();
    const api = await startApi(`redis://127.0.0.1:${port}`, undefined);
    try {
      expect(performance.now() - begin).toBeLessThan(2000);
      expect((await api.fetch("/livez")).status).toBe(200);
      const ready = await api.fetch("/readyz");
      expect(ready.status).toBe(503);
      expect(await ready.text()).toContain("no connection to Redis main yet");
    } finally {
      await api.server.stop();
      silent.close();
    }
  });
});
