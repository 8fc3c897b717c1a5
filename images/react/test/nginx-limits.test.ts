/** @vitest-environment node */
/** How nginx protects the API and its own disk from slow, excessive and repeated requests. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { hasNginx, Nginx } from "./nginx";

describe.skipIf(!hasNginx("tests of nginx's limits"))("nginx", () => {
  const files = mkdtempSync(join(tmpdir(), "files-"));
  let api: Server;
  let nginx: Nginx;
  let address: string;
  let answer: (request: IncomingMessage, response: ServerResponse) => void;
  const seen: string[] = [];
  const sockets: Socket[] = [];

  beforeAll(async () => {
    api = createServer((request, response) => {
      seen.push(`${request.method} ${request.url}`);
      request.resume().once("end", () => answer(request, response));
    }).listen(0, "127.0.0.1");
    await new Promise((done) => api.once("listening", done));
    writeFileSync(join(files, "index.html"), "<title>page</title>");
    nginx = await new Nginx().start(files, `http://127.0.0.1:${(api.address() as AddressInfo).port}`);
    address = nginx.address;
  });
  afterAll(async () => {
    await nginx?.stop();
    api.closeAllConnections();
    await new Promise((done) => api.close(done));
    rmSync(files, { recursive: true });
  });
  beforeEach(() => {
    seen.length = 0;
    answer = (_, response) => response.end("from the API");
  });
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy();
  });

  /** A connection that has sent `text`, and what it got. */
  const open = (text: string) => {
    const socket = connect(Number(new URL(address).port), "127.0.0.1");
    sockets.push(socket);
    let got = "";
    socket.on("data", (data) => (got += String(data))).on("error", () => undefined);
    socket.write(text);
    return { socket, got: () => got };
  };

  it.each(["POST", "DELETE"])("sends a %s once, even if a keep-alive connection breaks afterwards", async (method) => {
    await (await fetch(`${address}/api/item?id=a`)).text();
    answer = (request) => request.socket.destroy();
    const response = await fetch(`${address}/api/item?id=a%20b`, { method });
    expect([response.status, await response.json()]).toEqual([503, { error: "The API cannot be reached" }]);
    expect(seen.slice(1)).toEqual([`${method} /item?id=a%20b`]);
  });

  it("has no path for writes other than /api", async () => {
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

  it("keeps no response in a file: the API waits for a slow client, which is eventually disconnected", async () => {
    const closed = new Promise<number>((done) => {
      answer = (_, response) => {
        const begin = performance.now();
        response.on("error", () => undefined).once("close", () => done(performance.now() - begin));
        response.end(Buffer.alloc(64 * 1024 * 1024));
      };
    });
    open("GET /api/items HTTP/1.1\r\nhost: a\r\n\r\n").socket.pause();
    await new Promise((done) => setTimeout(done, 2000));
    expect(readdirSync(join(nginx.dir, "proxy_temp"), { recursive: true })).toEqual([]);
    expect(await closed).toBeGreaterThan(8000);
  }, 40_000);

  it("has at most 128 large bodies in files, and refuses further large ones with 503, but no small ones", async () => {
    const head = (size: number) => `POST /api/item HTTP/1.1\r\nhost: a\r\ncontent-length: ${size}\r\n\r\nid=`;
    for (let i = 0; i < 128; i++) open(head(20_000));
    const more = open(head(20_000));
    await expect.poll(more.got, { timeout: 8000 }).toMatch(/^HTTP\/1\.1 503 [^]*\{"error":"overloaded, try again"\}$/);
    expect(more.got()).toMatch(/^Retry-After: 1\r$/m);
    expect((await fetch(`${address}/api/item`, { method: "POST", body: "id=a&val=b" })).status).toBe(200);
    expect((await fetch(`${address}/healthz`)).status).toBe(200);
  }, 20_000);

  it("passes on a body of 1,048,000 bytes, which is more than the limit of most ingress controllers", async () => {
    answer = (request, response) => response.end(String(request.socket.bytesRead >= 1_048_000));
    const response = await fetch(`${address}/api/item`, { method: "POST", body: "v".repeat(1_048_000) });
    expect([response.status, await response.text()]).toEqual([200, "true"]);
  });

  it("refuses a body that is too large for the API with 413 as JSON", async () => {
    const response = await fetch(`${address}/api/item`, { method: "POST", body: "v".repeat(1_700_000) });
    expect([response.status, await response.json()]).toEqual([413, { error: "the body is larger than 1572864 bytes" }]);
    expect(seen).toEqual([]);
  });

  it("answers 700 slow requests at once, though the soft limit of open files is 1024", async () => {
    answer = (_, response) => setTimeout(() => response.end("late"), 3000);
    const answers = await Promise.all(
      Array.from({ length: 700 }, () => fetch(`${address}/api/item?id=a`).then((response) => response.status)),
    );
    expect(answers.filter((status) => status !== 200)).toEqual([]);
  }, 30_000);

  it("refuses requests beyond the limit of open files with 503 as JSON, and stays healthy", async () => {
    answer = (_, response) => setTimeout(() => response.end("late"), 3000);
    const small = await new Nginx("", 400).start(files, `http://127.0.0.1:${(api.address() as AddressInfo).port}`);
    try {
      const requests = Array.from({ length: 80 }, async () => {
        const response = await fetch(`${small.address}/api/item?id=a`);
        return `${response.status} ${await response.text()}`;
      });
      await expect.poll(() => seen.length, { timeout: 5000 }).toBe(50);
      expect((await fetch(`${small.address}/healthz`)).status).toBe(200);
      const answers = await Promise.all(requests);
      expect(answers.filter((text) => text === "200 late")).toHaveLength(50);
      expect(answers.filter((text) => text === '503 {"error":"overloaded, try again"}')).toHaveLength(30);
    } finally {
      await small.stop();
    }
  }, 30_000);
});
