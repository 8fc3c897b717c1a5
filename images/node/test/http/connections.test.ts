/** Kept connections: their age, and what they see of a stop. */
import { Agent, get } from "node:http";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startApi, type Api } from "../helpers/api";
import { eventually, freePort, hasRedis, pause, Redis } from "../helpers/redis";

describe.skipIf(!hasRedis)("the API's connections", () => {
  let main: Redis;
  let api: Api | undefined;

  beforeEach(async () => {
    main = await new Redis(await freePort()).start();
  });
  afterEach(async () => {
    await api?.server.stop();
    api = undefined;
    await main.stop();
  });

  it("ends kept connections after their age, with an answer and never without", async () => {
    const { address, fetch } = (api = await startApi(main.url, undefined, { CONNECTION_AGE_MS: "200" }));
    await eventually("it to be ready", async () => (await fetch("/readyz")).status === 200);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const used = new Set<unknown>();
    for (let i = 0; i < 60; i++) {
      const status = await new Promise((resolve, reject) => {
        const request = get(`${address}/livez`, { agent }, (response) => {
          response.resume().once("end", () => resolve(response.statusCode));
        });
        request.once("socket", (socket) => used.add(socket));
        request.once("error", reject);
      });
      expect(status).toBe(200);
      await pause(20);
    }
    agent.destroy();
    // 1.2 s and more, in connections of 0.1 to 0.3 s
    expect(used.size).toBeGreaterThanOrEqual(3);
    expect(used.size).toBeLessThan(20);
  });

  it("goes on serving after it was told to stop, until its callers have left", async () => {
    // not by fetch: it would keep an idle connection of its own
    const { address, server } = (api = await startApi(main.url, undefined, { DRAIN_MS: "3000" }));
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const ask = (path: string) =>
      new Promise<[number | undefined, string | undefined]>((resolve, reject) => {
        const request = get(`${address}${path}`, { agent }, (response) => {
          response.resume().once("end", () => resolve([response.statusCode, response.headers.connection]));
        });
        request.once("error", reject);
      });
    await eventually("it to be ready", async () => (await ask("/readyz"))[0] === 200);
    expect(await ask("/livez")).toEqual([200, "keep-alive"]);
    const begin = Date.now();
    const stopped = server.stop();
    await pause(500);
    // routes may still lead here: not ready, but served, on kept connections and new ones
    expect(await ask("/readyz")).toEqual([503, "close"]);
    expect(await ask("/item?id=k")).toEqual([404, "close"]);
    await stopped;
    // all had left, so it did not wait for its whole time
    expect(Date.now() - begin).toBeLessThan(2500);
    await expect(ask("/livez")).rejects.toThrow();
    agent.destroy();
  });

  it("a stop finishes what is in flight and takes nothing new", async () => {
    const replica = await new Redis(await freePort(), main.port).start();
    main.cli("SET", "k", "v");
    await eventually("the replica to have the key", () => replica.cli("GET", "k").trim() === "v");
    const { fetch, server } = (api = await startApi(main.url, replica.url));
    await eventually("the API to read", async () => (await fetch("/item?id=k")).status === 200);
    replica.signal("SIGSTOP");
    const inFlight = fetch("/item?id=k");
    await pause(100);
    const stopped = server.stop();
    const response = await inFlight;
    expect(response.status).toBe(200);
    expect(await response.text()).toBe("v");
    await stopped;
    await expect(fetch("/livez")).rejects.toThrow();
    replica.signal("SIGCONT");
    await replica.stop();
  });
});
