/** Tests lists of long keys, many concurrent lists, and callers that do not read them. */
import { once } from "node:events";
import { createServer, get, type IncomingMessage } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { Redis as Client } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Connections } from "../../src/http/connections";
import { whileRead } from "../../src/http/listing";
import { json, type Api } from "../helpers/api";
import { ApiOnMain } from "../helpers/api-on-main";
import { eventually, hasRedis } from "../helpers/redis";

describe.skipIf(!hasRedis)("lists of long keys", () => {
  let started: ApiOnMain;
  let api: Api;

  beforeAll(async () => {
    const key = "string.rep('k', 1000) .. i";
    started = await ApiOnMain.start({
      fill: (client: Client) => client.eval(`for i = 1, 3000 do redis.call('SET', ${key}, 1) end`, 0),
      env: { MAX_BYTES_IN_FLIGHT: String(4 * 1024 * 1024), REDIS_COMMAND_TIMEOUT_MS: "1000" },
    });
    ({ api } = started);
  });
  afterAll(() => started?.stop());

  it("do not delay writes, even if many are requested at once", async () => {
    let lists = 0;
    const callers = Array.from({ length: 60 }, async () => {
      while (lists < 200) {
        lists++;
        const response = await api.fetch("/items?limit=1000");
        // refused if the responses to the others use all allowed memory
        expect([200, 503]).toContain(response.status);
        await response.arrayBuffer();
      }
    });
    const writes: number[] = [];
    while (lists < 200) writes.push((await api.fetch("/item", json("POST", { id: "a", val: "1" }))).status);
    await Promise.all(callers);
    expect(writes.length).toBeGreaterThan(3);
    expect(writes.filter((status) => status !== 200)).toEqual([]);
  }, 60_000);

  it("are rejected while unread responses use all allowed memory, until the callers of these disconnect", async () => {
    const refused = async () => (await api.metric('http_requests_shed_total{reason="bytes"}')) - before;
    const before = await api.metric('http_requests_shed_total{reason="bytes"}');
    const sockets = Array.from({ length: 8 }, () => {
      const socket = connect(Number(new URL(api.address).port), "127.0.0.1").pause();
      // so many on one connection that the kernel cannot buffer all: it buffers a few megabytes of each
      socket.on("error", () => undefined).write("GET /items?limit=1000 HTTP/1.1\r\nhost: a\r\n\r\n".repeat(30));
      return socket;
    });
    // on a busy machine, the first lists take seconds
    await eventually("some to be refused", async () => (await refused()) > 0, 40);
    for (const socket of sockets) socket.destroy();
    await eventually("the memory to be released", async () => (await api.fetch("/items?limit=1000")).status === 200);
    await eventually("no request to be left", async () => (await api.metric("http_requests_in_flight")) === 0);
  }, 60_000);
});

describe("a list whose caller does not read", () => {
  const pieces = async function* () {
    for (let i = 0; i < 100; i++) yield "k".repeat(3200);
  };
  it("is aborted after 10 s, or later if its caller has read much of it", async () => {
    let given = false;
    const list = whileRead(pieces(), () => (given = true));
    const begin = performance.now();
    await list.next();
    await expect.poll(() => given, { timeout: 15_000 }).toBe(true);
    expect(performance.now() - begin).toBeGreaterThan(9_900);
    await list.return(undefined);
  }, 20_000);
  it("is not aborted while it is read", async () => {
    let given = false;
    let found = 0;
    for await (const piece of whileRead(pieces(), () => (given = true))) found += piece.length;
    expect([found, given]).toEqual([320_000, false]);
  });
});

describe("a response that does not end during shutdown", () => {
  it("is aborted, which shows the caller that the response is incomplete", async () => {
    const server = createServer((_, response) => response.write("[")).listen(0, "127.0.0.1");
    const connections = new Connections(server, 10_000, 1000);
    await once(server, "listening");
    const [response] = (await once(get(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`), "response")) as [
      IncomingMessage,
    ];
    const failed = once(response.resume(), "error") as Promise<[NodeJS.ErrnoException]>;
    await connections.drain(0, 300);
    expect((await failed)[0].code).toBe("ECONNRESET");
    expect(response.complete).toBe(false);
  });
});
