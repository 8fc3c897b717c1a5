/** @vitest-environment node */
/** The configuration in a real nginx, in front of a stand-in for the API. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTcpServer, type AddressInfo, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";

const folder = resolve(import.meta.dirname, "..");
const hasNginx = ((): boolean => {
  try {
    execFileSync("nginx", ["-v"], { stdio: "ignore" });
    execFileSync("envsubst", ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    console.warn("SKIPPED: nginx's configuration is not tried: nginx or envsubst is not installed");
    return false;
  }
})();

async function freePort(): Promise<number> {
  const server = createTcpServer().listen(0, "127.0.0.1");
  await new Promise((done) => server.once("listening", done));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}

describe.skipIf(!hasNginx)("nginx in front of the API", () => {
  const dir = mkdtempSync(join(tmpdir(), "page-"));
  let api: Server;
  let nginx: ChildProcess;
  let address: string;
  let answer: (request: IncomingMessage, response: ServerResponse) => void;
  const seen: { method: string; url: string; headers: IncomingMessage["headers"] }[] = [];
  const sockets = new Set<Socket>();
  let opened = 0;

  /** What the image's start script makes of its environment, with paths of this test. */
  function render(env: Record<string, string>): string {
    const script = readFileSync(join(folder, "nginx/40-render.sh"), "utf8")
      .replaceAll("/etc/nginx/nginx.conf.template", join(folder, "nginx/nginx.conf.template"))
      .replaceAll("/tmp/nginx.conf", join(dir, "nginx.conf"));
    execFileSync("sh", ["-c", script], {
      env: { PATH: process.env["PATH"]!, ...env },
      stdio: ["ignore", "ignore", "pipe"],
    });
    return readFileSync(join(dir, "nginx.conf"), "utf8");
  }

  beforeAll(async () => {
    api = createServer((request, response) => {
      seen.push({ method: request.method!, url: request.url!, headers: request.headers });
      request.resume().once("end", () => answer(request, response));
    }).listen(0, "127.0.0.1");
    api.on("connection", (socket) => {
      opened++;
      sockets.add(socket);
      socket.once("close", () => sockets.delete(socket));
    });
    await new Promise((done) => api.once("listening", done));
    const port = await freePort();
    address = `http://127.0.0.1:${port}`;
    // nginx started by root reads its files as another user
    chmodSync(dir, 0o755);
    writeFileSync(join(dir, "index.html"), "<title>page</title>");
    const conf = render({ API_URL: `http://127.0.0.1:${(api.address() as AddressInfo).port}`, PORT: String(port) });
    const local = conf
      .replaceAll("/tmp/", `${dir}/`)
      .replace("/usr/share/nginx/html", dir)
      .replace("/dev/stdout", join(dir, "access.log"));
    writeFileSync(join(dir, "nginx.conf"), local);
    nginx = spawn("nginx", ["-c", join(dir, "nginx.conf"), "-g", "daemon off;"], { stdio: "ignore" });
    for (let i = 0; i < 100; i++) {
      if (
        await fetch(`${address}/healthz`).then(
          (r) => r.ok,
          () => false,
        )
      )
        return;
      await new Promise((done) => setTimeout(done, 50));
    }
    throw new Error("nginx did not start");
  });
  afterAll(async () => {
    const gone = new Promise((done) => nginx?.once("exit", done));
    nginx?.kill();
    await gone;
    api.closeAllConnections();
    await new Promise((done) => api.close(done));
    rmSync(dir, { recursive: true });
  });
  beforeEach(() => {
    seen.length = 0;
    opened = 0;
    answer = (_, response) => response.end("from the API");
  });

  it("gives the page for every path, and the API under /api with path and query kept", async () => {
    expect(await (await fetch(`${address}/some/where`)).text()).toContain("<title>page</title>");
    expect(await (await fetch(`${address}/api/item?id=a%20b%2Fc`)).text()).toBe("from the API");
    expect(seen.map((s) => s.url)).toEqual(["/item?id=a%20b%2Fc"]);
    await fetch(`${address}/api/items`, { headers: { consistency: "strong" } });
    expect(seen[1]!.headers["consistency"]).toBe("strong");
  });

  it("keeps connections to the API: 300 requests do not open 300", async () => {
    for (let i = 0; i < 30; i++) {
      await Promise.all(Array.from({ length: 10 }, () => fetch(`${address}/api/item?id=a`).then((r) => r.text())));
    }
    expect(seen).toHaveLength(300);
    expect(opened).toBeLessThan(60);
  });

  it("keeps none for longer than 5 s, so that a new API pod gets its share", async () => {
    for (const socket of sockets) socket.destroy();
    const end = Date.now() + 6500;
    while (Date.now() < end) {
      await (await fetch(`${address}/api/item?id=a`)).text();
      await new Promise((done) => setTimeout(done, 50));
    }
    // one at a time: a first one, a second one after 5 s
    expect(opened).toBeGreaterThanOrEqual(2);
    expect(opened).toBeLessThan(10);
  }, 15_000);

  it("asks again where a kept connection turns out to be closed", async () => {
    await (await fetch(`${address}/api/item?id=a`)).text();
    for (const socket of sockets) socket.resetAndDestroy();
    expect((await fetch(`${address}/api/item?id=a`)).status).toBe(200);
  });

  it("does not send a write again that the API may have carried out", async () => {
    answer = (request) => request.socket.destroy();
    const response = await fetch(`${address}/api/item`, { method: "POST", body: "id=a&val=b" });
    expect(response.status).toBe(503);
    expect(seen.filter((s) => s.method === "POST")).toHaveLength(1);
  });

  it("says that the API cannot be reached, as JSON, and finds it when it is back", async () => {
    const { port } = api.address() as AddressInfo;
    api.closeAllConnections();
    await new Promise((done) => api.close(done));
    const response = await fetch(`${address}/api/item?id=a`);
    expect([response.status, await response.json()]).toEqual([503, { error: "The API cannot be reached." }]);
    api.listen(port, "127.0.0.1");
    await new Promise((done) => api.once("listening", done));
    expect((await fetch(`${address}/api/item?id=a`)).status).toBe(200);
  });

  it.each([
    ["http://10.96.0.1:3000", "server 10.96.0.1:3000;"],
    ["http://node:3000/", "server node:3000;"],
    ["http://fd00::1:3000", "server [fd00::1]:3000;"],
    ["http://[fd00::1]:3000", "server [fd00::1]:3000;"],
  ])("takes %s for the API's address", (url, line) => {
    expect(render({ API_URL: url })).toContain(line);
  });

  it.each([["https://api:3000"], ["http://api:3000/path"], ["http://"]])("refuses %s with a sentence", (url) => {
    expect(() => render({ API_URL: url })).toThrow(/expected http:\/\/host:port/);
  });
  it("refuses to start without the API's address", () => {
    expect(() => render({})).toThrow(/address of the API/);
  });
});
