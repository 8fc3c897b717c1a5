/** Keep-alive connections: their lifetime, and shutdown. */
import { once } from "node:events";
import { Agent, createServer, get, type ServerResponse } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Connections } from "../../src/http/connections";
import { startApi, type Api } from "../helpers/api";
import { sendTo } from "../helpers/raw-request";
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

  it("end after their lifetime, but only together with a response", async () => {
    const { address, fetch } = (api = await startApi(main.url, undefined, { CONNECTION_AGE_MS: "200" }));
    await eventually("the API to be ready", async () => (await fetch("/readyz")).status === 200);
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
    // at least 1.2 s in total, over connections that live for 0.1 to 0.3 s
    expect(used.size).toBeGreaterThanOrEqual(3);
    expect(used.size).toBeLessThan(20);
  });

  it("end if a request's head does not arrive within seconds", { timeout: 20_000 }, async () => {
    const { address, fetch } = (api = await startApi(main.url, undefined));
    await eventually("the API to be ready", async () => (await fetch("/readyz")).status === 200);
    const begin = Date.now();
    const socket = await sendTo(address, "GET /livez HTTP/1.1\r\nhost: a\r\na: b\r\n");
    let response = "";
    socket.setEncoding("utf8").on("data", (chunk: string) => (response += chunk));
    await once(socket, "close");
    expect(response).toMatch(/^HTTP\/1\.1 408 /);
    expect(Date.now() - begin).toBeGreaterThan(4900);
  });

  it("above their limit, end if they carry no request, the oldest first; every new one is accepted", async () => {
    const { address, fetch } = (api = await startApi(main.url, undefined, { MAX_CONNECTIONS: "4" }));
    await eventually("the API to be ready", async () => (await fetch("/readyz")).status === 200);
    const opened = async (text: string) => {
      const socket = await sendTo(address, text);
      const state = { socket, text: "", isClosed: false };
      socket.setEncoding("utf8").on("data", (chunk: string) => (state.text += chunk));
      socket.once("close", () => (state.isClosed = true));
      return state;
    };
    const head = (more: string) => `GET /livez HTTP/1.1\r\nhost: a\r\n${more}`;
    const busy = await opened(
      "POST /item HTTP/1.1\r\nhost: a\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: 9\r\n\r\nid=a",
    );
    await eventually("its body to arrive", async () => (await api!.metric("http_bodies_arriving")) === 1);
    const first = await opened(head("a: b\r\n"));
    const second = await opened("");
    const third = await opened("");
    const probes = await Promise.all([opened(head("\r\n")), opened(head("\r\n"))]);
    await eventually("the probes to be answered", () => probes.every(({ text }) => text.startsWith("HTTP/1.1 200")));
    await eventually("the oldest to end", () => first.isClosed && second.isClosed);
    expect([busy.isClosed, third.isClosed]).toEqual([false, false]);
    busy.socket.write("&val=");
    await eventually("its answer", () => busy.text !== "");
    expect(busy.text).toMatch(/^HTTP\/1\.1 200 /);
    for (const { socket } of [busy, first, second, third, ...probes]) socket.destroy();
  });

  it("are served during shutdown until their callers have closed them", async () => {
    // not with `fetch`, which keeps idle connections open
    const { address, server } = (api = await startApi(main.url, undefined, { DRAIN_MS: "3000" }));
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const ask = (path: string) =>
      new Promise<[number | undefined, string | undefined]>((resolve, reject) => {
        const request = get(`${address}${path}`, { agent }, (response) => {
          response.resume().once("end", () => resolve([response.statusCode, response.headers.connection]));
        });
        request.once("error", reject);
      });
    await eventually("the API to be ready", async () => (await ask("/readyz"))[0] === 200);
    expect(await ask("/livez")).toEqual([200, "keep-alive"]);
    const begin = Date.now();
    const stopped = server.stop();
    await pause(500);
    // not ready, but still serving on old and new connections, because traffic may still be routed here
    expect(await ask("/readyz")).toEqual([503, "close"]);
    expect(await ask("/item?id=k")).toEqual([404, "close"]);
    await stopped;
    // all connections were closed, so the drain did not wait for DRAIN_MS
    expect(Date.now() - begin).toBeLessThan(2500);
    await expect(ask("/livez")).rejects.toThrow();
    agent.destroy();
  });

  it("are closed after the requests in flight are finished, and no new ones are accepted", async () => {
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

  it.each([
    ["nothing yet", ""],
    ["half a head", "GET /livez HTTP/1.1\r\nhost:"],
  ])("do not hold up shutdown if their callers have sent %s", async (_, text) => {
    const { address, server } = (api = await startApi(main.url, undefined));
    const socket = await sendTo(address, text);
    await pause(100);
    const closed = once(socket, "close");
    const begin = Date.now();
    await Promise.all([server.stop(), closed]);
    // otherwise they would stay open until Node.js' timeout for a head, which is 30 s or more
    expect(Date.now() - begin).toBeLessThan(10_000);
  });

  it("end if their callers send many requests without waiting for responses", async () => {
    const { address, metric, fetch } = (api = await startApi(main.url, undefined));
    await eventually("the API to be ready", async () => (await fetch("/readyz")).status === 200);
    const socket = await sendTo(address, "GET /item?id=k HTTP/1.1\r\nhost: a\r\n\r\n".repeat(1500));
    const closed = once(socket, "close");
    socket.resume();
    await closed;
    await eventually("none to be in flight", async () => (await metric("http_requests_in_flight")) === 0);
  });
});

describe("a caller that does not read", () => {
  it("is disconnected, but a caller that reads slowly or waits is not", async () => {
    // more bytes than the kernel buffers for the caller
    const send = async (response: ServerResponse) => {
      for (let i = 0; i < 400 && !response.destroyed; i++) {
        await new Promise((sent) => response.write(Buffer.alloc(64 * 1024), sent));
      }
    };
    const server = createServer((request, response) => {
      if (request.url === "/waits") setTimeout(() => response.end("late"), 2500);
      else void send(response);
    }).listen(0, "127.0.0.1");
    new Connections(server, 60_000, 1000, 1000);
    await once(server, "listening");
    const ask = async (path: string) => {
      const socket = connect((server.address() as AddressInfo).port, "127.0.0.1").pause();
      socket.on("error", () => undefined);
      await once(socket, "connect");
      socket.write(`GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`);
      return socket;
    };
    const sockets = [...(await Promise.all([ask("/never"), ask("/slow"), ask("/waits")]))];
    const open = () => new Promise<number>((resolve) => server.getConnections((_, count) => resolve(count)));
    const reading = setInterval(() => void sockets[1]!.read(), 20);
    let late = "";
    sockets[2]!.on("data", (data) => (late += String(data))).resume();
    try {
      await eventually("one to be disconnected", async () => (await open()) === 2);
      await eventually("the late answer", () => late.endsWith("late\r\n0\r\n\r\n") || late.endsWith("late"));
      expect(sockets[1]!.destroyed).toBe(false);
    } finally {
      clearInterval(reading);
      for (const socket of sockets) socket.destroy();
      server.close();
    }
  });
});
