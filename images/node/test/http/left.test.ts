/** Tests that callers that disconnect before their list is complete leave nothing behind. */
import { Redis as Client } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Api } from "../helpers/api";
import { ApiOnMain } from "../helpers/api-on-main";
import { sendTo } from "../helpers/raw-request";
import { eventually, hasRedis, pause, Redis } from "../helpers/redis";

describe.skipIf(!hasRedis)("a list whose client has disconnected", () => {
  let started: ApiOnMain;
  let main: Redis;
  let api: Api;

  beforeAll(async () => {
    const fill = (client: Client) => client.eval("for i = 1, 100000 do redis.call('SET', 'key:' .. i, 1) end", 0);
    started = await ApiOnMain.start({ fill });
    ({ api, main } = started);
  });
  afterAll(() => started?.stop());

  const ask = (text: string) => sendTo(api.address, text);
  const list = (query = "") => `GET /items${query} HTTP/1.1\r\nhost: a\r\n\r\n`;
  const inFlight = () => api.metric("http_requests_in_flight");

  it("is not scanned to its end, even if it has yielded nothing yet", async () => {
    const before = main.calls("scan");
    const sockets = await Promise.all([1, 2, 3, 4].map(() => ask(list("?match=none*"))));
    await eventually("all to be scanned", () => main.calls("scan") > before + 8);
    expect(await inFlight()).toBe(4);
    for (const socket of sockets) socket.resetAndDestroy();
    await eventually("none to be in flight", async () => (await inFlight()) === 0);
    const stopped = main.calls("scan");
    // a complete list of 100,000 keys takes 400 steps of 250
    expect(stopped - before).toBeLessThan(4 * 400);
    await pause(300);
    expect(main.calls("scan")).toBe(stopped);
  });

  it("gives up its place in the queue if it was waiting for its turn", async () => {
    const before = main.calls("scan");
    main.signal("SIGSTOP");
    const sockets = await Promise.all(Array.from({ length: 20 }, () => ask(list("?limit=10"))));
    await eventually("all to wait", async () => (await inFlight()) === 20);
    for (const socket of sockets) socket.resetAndDestroy();
    await pause(50);
    main.signal("SIGCONT");
    await eventually("none to be in flight", async () => (await inFlight()) === 0);
    // the one whose turn it was
    expect(main.calls("scan") - before).toBeLessThanOrEqual(1);
    // at first, the connection may still be the one that timed out
    await eventually("a list", async () => (await api.fetch("/items?limit=10")).status === 200);
  });

  it.each([
    ["pipelined lists", list().repeat(3)],
    ["pipelined pages", list("?limit=100").repeat(3)],
    [
      "a list behind a response that closes the connection",
      `GET /livez HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n${list()}`,
    ],
    [
      "a list behind another list that closes the connection",
      list().replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n") + list(),
    ],
    ["an HTTP/1.0 list before another", list().replace("1.1", "1.0") + list()],
    ["a list before a request that is not HTTP", `${list()}\0bad\r\n\r\n`],
  ])("no longer counts as in flight: %s", async (_, text) => {
    for (let i = 0; i < 40; i++) {
      const socket = await ask(text);
      await pause(Math.random() * 8);
      if (i % 2) socket.destroy();
      else socket.resetAndDestroy();
    }
    await eventually("none to be in flight", async () => (await inFlight()) === 0);
    expect((await api.fetch("/items?match=none*")).status).toBe(200);
  });
});
