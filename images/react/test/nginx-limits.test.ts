/** @vitest-environment node */
/** Tests that nginx protects the API and its own disk from slow, numerous and repeated requests. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { hasNginx, Nginx } from "./nginx";
import { nginxBeforeApi, openTo } from "./nginx-setup";

describe.skipIf(!hasNginx("tests of nginx's limits"))("nginx", () => {
  const setup = nginxBeforeApi();
  const { api, files, open } = setup;
  const { seen } = api;
  let nginx: Nginx;
  let address: string;
  beforeAll(() => ({ nginx, address } = setup));

  it.each(["POST", "DELETE"])("sends a %s once, even if a keep-alive connection breaks afterwards", async (method) => {
    await (await fetch(`${address}/api/item?id=a`)).text();
    api.answer = (request) => request.socket.destroy();
    const response = await fetch(`${address}/api/item?id=a%20b`, { method });
    expect([response.status, await response.json()]).toEqual([503, { error: "The API cannot be reached" }]);
    expect(seen.slice(1)).toMatchObject([{ method, url: "/item?id=a%20b" }]);
  });

  it("accepts writes only below /api", async () => {
    expect((await fetch(`${address}/api-write/item`, { method: "DELETE" })).status).not.toBe(200);
    expect(seen).toEqual([]);
  });

  it.each(["/api/metrics", "/api//metrics", "/api/./metrics", "/api/%6detrics", "/api/metrics?x"])(
    "does not pass %s to the API",
    async (path) => {
      const response = await fetch(`${address}${path}`);
      expect([response.status, await response.json()]).toEqual([404, { error: "no such route: /metrics" }]);
      expect(seen).toEqual([]);
    },
  );

  it("stores no response in a file: the API waits for a slow client, and eventually disconnects it", async () => {
    const closed = new Promise<number>((done) => {
      api.answer = (_, response) => {
        const begin = performance.now();
        response.on("error", () => undefined).once("close", () => done(performance.now() - begin));
        response.end(Buffer.alloc(64 * 1024 * 1024));
      };
    });
    open("GET /api/items HTTP/1.1\r\nhost: a\r\n\r\n").socket.pause();
    await new Promise((done) => setTimeout(done, 2000));
    expect(readdirSync(join(nginx.dir, "proxy_temp"), { recursive: true })).toEqual([]);
    expect(await closed).toBeGreaterThan(4000);
  }, 40_000);

  it("aborts a list of all keys when its client disconnects, but receives other responses completely", async () => {
    const closed: string[] = [];
    api.answer = (request, response) => {
      response.once("close", () => closed.push(`${request.url} ${response.writableFinished ? "finished" : "aborted"}`));
      response.write("[");
      setTimeout(() => response.end("]"), 1000);
    };
    for (const path of ["/api/items", "/api//items?match=a*", "/api/items?limit=10", "/api/item?id=a"]) {
      const { socket } = open(`GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`);
      await expect.poll(() => api.seen.length).toBe(1);
      api.seen.length = 0;
      socket.destroy();
    }
    await expect
      .poll(() => [...closed].sort(), { timeout: 5000 })
      .toEqual(["/item?id=a finished", "/items aborted", "/items?limit=10 finished", "/items?match=a* aborted"]);
  });

  it("rejects more than 25 lists of all keys per second, because an aborted list blocks a port, but does not limit pages or preflights", async () => {
    const statuses = (path: string, init?: RequestInit) =>
      Promise.all(Array.from({ length: 200 }, async () => (await fetch(`${address}${path}`, init)).status));
    const lists = await statuses("/api/items");
    expect(lists.filter((status) => status === 503).length).toBeGreaterThan(50);
    expect(lists.filter((status) => status === 200).length).toBeGreaterThanOrEqual(50);
    // the API does not accept these parameters, so these are lists too
    for (const path of ["/api/items?LIMIT=10", "/api/items?limit=&Cursor=a"])
      expect((await statuses(path)).filter((status) => status === 503).length).toBeGreaterThan(50);
    expect(new Set(await statuses("/api/items?limit=10"))).toEqual(new Set([200]));
    expect(new Set(await statuses("/api/items", { method: "OPTIONS" }))).toEqual(new Set([200]));
  });

  const head = (method: string, path: string, bytes: number) =>
    `${method} ${path} HTTP/1.1\r\nhost: a\r\ncontent-length: ${bytes}\r\n\r\nid=`;
  const OVERLOADED = /^HTTP\/1\.1 503 [^]*\{"error":"overloaded, try again"\}$/;

  it("stores no body in a file, and slow large bodies keep no other request out", async () => {
    const slow = ["127.0.0.1", "127.0.0.2"].flatMap((from) =>
      Array.from({ length: 150 }, () => open(head("POST", "/api/item", 1_000_000) + "v".repeat(100_000), from)),
    );
    await expect.poll(() => seen.length, { timeout: 8000 }).toBe(300);
    for (const bytes of [1_000_000, 15_999]) {
      const response = await fetch(`${address}/api/item`, { method: "POST", body: "v".repeat(bytes) });
      expect(response.status).toBe(200);
    }
    expect(readdirSync(join(nginx.dir, "client_temp"), { recursive: true })).toEqual([]);
    expect(slow.map(({ got }) => got()).join("")).toBe("");
  }, 30_000);

  it.each([
    ["POST", "/api/item", 15_999],
    ["POST", "/api/item", 1_000_000],
    ["DELETE", "/api/item", 10],
    ["GET", "/api/item", 10],
    ["GET", "/api/status", 10],
    ["OPTIONS", "/api/item", 200_000],
  ])(
    "passes on the body of a %s %s (%i bytes) as it arrives, so that the API can reject slow ones",
    async (...request) => {
      api.atHead = (_, response) => {
        response.writeHead(408, { connection: "close", "content-length": 8 }).end("too slow");
        return true;
      };
      const slow = open(head(...request));
      await expect.poll(slow.got, { timeout: 8000 }).toMatch(/^HTTP\/1\.1 408 [^]*too slow$/);
      // the slot is free again, although the client keeps sending
      const goOn = setInterval(() => slow.socket.write("x"), 1000);
      await expect.poll(() => slow.socket.destroyed, { timeout: 15_000 }).toBe(true);
      clearInterval(goOn);
    },
  );

  it("ends a response once the client has disconnected", async () => {
    const left = new Promise((done) => {
      api.answer = (_, response) => {
        const more = setInterval(() => response.write("a piece"), 50);
        response.once("close", () => (clearInterval(more), done(undefined)));
      };
    });
    const client = open("GET /api/items HTTP/1.1\r\nhost: a\r\n\r\n");
    await expect.poll(client.got, { timeout: 8000 }).toContain("a piece");
    client.socket.destroy();
    await left;
  });

  it("keeps a quarter of the slots for requests without a body", async () => {
    const small = await new Nginx("", 400).start(files, api.url);
    const slow = Array.from({ length: 60 }, () => openTo(small.address, head("POST", "/api/item", 10)));
    try {
      await expect.poll(() => slow.filter(({ got }) => OVERLOADED.test(got())).length, { timeout: 8000 }).toBe(23);
      for (const path of ["/api/item?id=a", "/api/items"])
        expect((await fetch(`${small.address}${path}`)).status).toBe(200);
      expect((await fetch(`${small.address}/api/item?id=a`, { method: "DELETE" })).status).toBe(200);
    } finally {
      for (const { socket } of slow) socket.destroy();
      await small.stop();
    }
  });

  it("passes on a body of 1,048,000 bytes, which is more than the limit of most ingress controllers", async () => {
    api.answer = (request, response) => void response.end(String(request.socket.bytesRead >= 1_048_000));
    const response = await fetch(`${address}/api/item`, { method: "POST", body: "v".repeat(1_048_000) });
    expect([response.status, await response.text()]).toEqual([200, "true"]);
  });

  it("answers a body that is too large for the API with a JSON 413 response", async () => {
    const response = await fetch(`${address}/api/item`, { method: "POST", body: "v".repeat(1_700_000) });
    expect([response.status, await response.json()]).toEqual([413, { error: "the body is larger than 1572864 bytes" }]);
    expect(seen).toEqual([]);
  });

  it("handles 700 slow requests at once, although the soft limit on open files is 1024", async () => {
    api.answer = (_, response) => setTimeout(() => response.end("late"), 3000);
    const answers = await Promise.all(
      Array.from({ length: 700 }, () => fetch(`${address}/api/item?id=a`).then((response) => response.status)),
    );
    expect(answers.filter((status) => status !== 200)).toEqual([]);
  }, 30_000);

  it.each([
    ["/api/item?id=a", "GET"],
    ["//api/item?id=a", "GET"],
    ["/%61pi/item?id=a", "GET"],
    ["/x/../api/item?id=a", "GET"],
    ["//api/item?id=a", "DELETE"],
    ["/%61pi/status", "GET"],
  ])("answers requests above the limit with a JSON 503 response, and stays healthy: %s", async (path, method) => {
    const held: (() => void)[] = [];
    api.answer = (_, response) => void held.push(() => response.end("late"));
    const small = await new Nginx("", 400).start(files, api.url);
    const connections = Array.from({ length: 80 }, () =>
      openTo(small.address, `${method} ${path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`),
    );
    try {
      const count = (pattern: RegExp) => connections.filter(({ got }) => pattern.test(got())).length;
      await expect
        .poll(() => count(/^HTTP\/1\.1 503 [^]*\{"error":"overloaded, try again"\}$/), { timeout: 8000 })
        .toBe(30);
      await expect.poll(() => held.length, { timeout: 8000 }).toBe(50);
      expect((await fetch(`${small.address}/healthz`)).status).toBe(200);
      for (const release of held) release();
      await expect.poll(() => count(/^HTTP\/1\.1 200 [^]*late/), { timeout: 8000 }).toBe(50);
    } finally {
      for (const { socket } of connections) socket.destroy();
      await small.stop();
    }
  });

  it("passes on an HTTP/1.0 request that has no host header", async () => {
    const old = open("GET /api/item?id=a HTTP/1.0\r\n\r\n");
    await expect.poll(old.got, { timeout: 5000 }).toMatch(/^HTTP\/1\.1 200 [^]*from the API$/);
  });
});
