/** @vitest-environment node */
/** The configuration in a real nginx, in front of a fake API. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { Agent, createServer, get } from "node:http";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasNginx, Nginx } from "./nginx";
import { nginxBeforeApi } from "./nginx-setup";

const textOf = (url: string, agent: Agent) =>
  new Promise<string>((done, fail) => {
    get(url, { agent }, (response) => {
      let text = "";
      response.on("data", (chunk: Buffer) => (text += String(chunk))).once("end", () => done(text));
    }).once("error", fail);
  });

describe.skipIf(!hasNginx("tests of nginx's configuration"))("nginx in front of the API", () => {
  const setup = nginxBeforeApi({
    "assets/plain.js": "plain",
    "assets/small.js": "small ".repeat(1000),
    "assets/small.js.gz": gzipSync("compressed when the image was built"),
  });
  const { api, files } = setup;
  const { seen, sockets } = api;
  let nginx: Nginx;
  let address: string;
  // not the running one, which would be reloaded
  const unstarted = new Nginx();
  const render = (env: Record<string, string>) => unstarted.render(env);
  beforeAll(() => ({ nginx, address } = setup));
  afterAll(() => unstarted.stop());

  it("serves the page on every path, and proxies /api with path and query unchanged", async () => {
    expect(await (await fetch(`${address}/some/where`)).text()).toContain("<title>page</title>");
    expect(await (await fetch(`${address}/api/item?id=a%20b%2Fc`)).text()).toBe("from the API");
    expect(seen.map((s) => s.url)).toEqual(["/item?id=a%20b%2Fc"]);
    await fetch(`${address}/api/items`, { headers: { consistency: "strong" } });
    expect(seen[1]!.headers["consistency"]).toBe("strong");
  });

  const ipv6 = existsSync("/proc/net/if_inet6") && readFileSync("/proc/net/if_inet6", "utf8") !== "";
  if (!ipv6) console.warn("SKIPPED: the front over IPv6 is not tested, because this machine has no IPv6");
  it.skipIf(!ipv6)("serves the page and the API over IPv6 too", async () => {
    const overIpv6 = address.replace("127.0.0.1", "[::1]");
    expect(await (await fetch(`${overIpv6}/`)).text()).toContain("<title>page</title>");
    expect(await (await fetch(`${overIpv6}/api/item?id=a`)).text()).toBe("from the API");
    expect(seen[0]!.headers["x-forwarded-for"]).toBe("::1");
  });

  it("adds a request id, which it passes to the API, unless the caller sent one", async () => {
    await fetch(`${address}/api/item?id=secret`);
    await fetch(`${address}/api/item?id=secret`, { headers: { "x-request-id": "mine-0001" } });
    await fetch(`${address}/api/item?id=secret`, { headers: { "x-request-id": 'no"id' } });
    const ids = seen.map((s) => s.headers["x-request-id"] as string);
    expect(ids[0]).toMatch(/^[0-9a-f]{32}$/);
    expect(ids[1]).toBe("mine-0001");
    expect(ids[2]).toMatch(/^[0-9a-f]{32}$/);
    await expect.poll(() => nginx.log().filter((l) => ids.includes(l["request"] as string))).toHaveLength(3);
    expect(JSON.stringify(nginx.log())).not.toContain("secret");
  });

  it("logs and counts a request by what it reaches, whatever its path looks like", async () => {
    const socket = setup.open("DELETE /healthz/../api/item?id=a HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    await expect.poll(socket.got).toContain("from the API");
    await expect.poll(() => nginx.log().filter(({ method }) => method === "DELETE")).toHaveLength(1);
    const metrics = async () => (await fetch(`${address}/metrics`)).text();
    await expect.poll(metrics, { timeout: 5000 }).toContain('_count{route="api",method="DELETE",status="200"} 1');
    expect(nginx.log().filter(({ route }) => String(route).startsWith("/metrics"))).toEqual([]);
  });

  it("reuses connections to the API: 300 requests do not open 300 connections", async () => {
    for (let i = 0; i < 30; i++) {
      await Promise.all(Array.from({ length: 10 }, () => fetch(`${address}/api/item?id=a`).then((r) => r.text())));
    }
    expect(seen).toHaveLength(300);
    expect(api.opened).toBeLessThan(60);
  });

  it("closes connections to the API after 5 s, so that a new API pod gets its share", async () => {
    for (const socket of sockets) socket.destroy();
    const end = Date.now() + 6500;
    while (Date.now() < end) {
      await (await fetch(`${address}/api/item?id=a`)).text();
      await new Promise((done) => setTimeout(done, 50));
    }
    // one connection at a time: the first one, then another after 5 s
    expect(api.opened).toBeGreaterThanOrEqual(2);
    expect(api.opened).toBeLessThan(10);
  }, 15_000);

  it("keeps client connections alive; while draining, closes each after its next response", async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const request = (path: string) =>
      new Promise<{ reused: boolean; connection: string | undefined }>((done, fail) => {
        const sent = get(`${address}${path}`, { agent }, (response) => {
          response.resume().once("end", () => {
            // the agent frees the connection only after this event-loop turn
            setImmediate(done, { reused: sent.reusedSocket, connection: response.headers.connection });
          });
        }).once("error", fail);
      });
    await request("/");
    expect(await request("/api/item?id=a")).toEqual({ reused: true, connection: "keep-alive" });
    const mark = join(nginx.dir, "draining");
    writeFileSync(mark, "");
    try {
      expect(await request("/")).toEqual({ reused: true, connection: expect.stringContaining("close") as string });
      for (const path of ["/api/item?id=a", "/assets/none.js", "/some/page"])
        expect(await request(path)).toEqual({ reused: false, connection: expect.stringContaining("close") as string });
    } finally {
      rmSync(mark);
      agent.destroy();
    }
  });

  it("retries if a keep-alive connection turns out to be closed", async () => {
    await (await fetch(`${address}/api/item?id=a`)).text();
    for (const socket of sockets) socket.resetAndDestroy();
    expect((await fetch(`${address}/api/item?id=a`)).status).toBe(200);
  });

  it("does not retry a write that the API may have applied", async () => {
    api.answer = (request) => request.socket.destroy();
    const response = await fetch(`${address}/api/item`, { method: "POST", body: "id=a&val=b" });
    expect(response.status).toBe(503);
    expect(seen.filter((s) => s.method === "POST")).toHaveLength(1);
  });

  it("answers with a JSON 503 response if the API cannot be reached, and recovers when the API is back", async () => {
    const { port } = api;
    await api.close();
    const response = await fetch(`${address}/api/item?id=a`);
    expect([response.status, await response.json()]).toEqual([503, { error: "The API cannot be reached" }]);
    expect(response.headers.get("retry-after")).toBe("1");
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
    await api.listen(port);
    expect((await fetch(`${address}/api/item?id=a`)).status).toBe(200);
  });

  it("opens a new connection for each status request, so that every pod is reached", async () => {
    for (let i = 0; i < 10; i++) await (await fetch(`${address}/api/status`)).text();
    expect(seen.map((s) => s.url)).toEqual(Array(10).fill("/status"));
    expect(api.opened).toBe(10);
  });

  it("answers status requests beyond 100 per second with a JSON 503 response, because each of their connections blocks a port", async () => {
    const begin = performance.now();
    const answers = await Promise.all(
      Array.from({ length: 400 }, async () => {
        const response = await fetch(`${address}/api/status`);
        return `${response.status} ${await response.text()}`;
      }),
    );
    const most = 101 + Math.ceil((performance.now() - begin) / 10);
    const passed = answers.filter((text) => text === "200 from the API").length;
    expect(passed).toBeGreaterThanOrEqual(100);
    expect(passed).toBeLessThanOrEqual(most);
    expect(answers.filter((text) => text === '503 {"error":"overloaded, try again"}')).toHaveLength(400 - passed);
    expect((await fetch(`${address}/api/item?id=a`)).status).toBe(200);
  });

  it("keeps its connections to the API after a burst, and after clients disconnect before they get their responses", async () => {
    for (const socket of sockets) socket.destroy();
    const held: (() => void)[] = [];
    api.answer = (_, response) => void held.push(() => response.end("late"));
    const burst = async (each: () => void) => {
      for (let i = 0; i < 200; i++) each();
      await expect.poll(() => held.length, { timeout: 10_000 }).toBe(200);
    };
    const answers: Promise<string>[] = [];
    await burst(() => answers.push(fetch(`${address}/api/item?id=a`).then((response) => response.text())));
    for (const answer of held.splice(0)) answer();
    await Promise.all(answers);
    const clients: Socket[] = [];
    await burst(() => clients.push(setup.open("GET /api/item?id=a HTTP/1.1\r\nhost: a\r\n\r\n").socket));
    for (const socket of clients) socket.resetAndDestroy();
    // nginx has noticed
    await (await fetch(`${address}/healthz`)).text();
    for (const answer of held.splice(0)) answer();
    api.answer = (_, response) => void response.end("from the API");
    await (await fetch(`${address}/api/item?id=a`)).text();
    expect(api.opened).toBe(200);
    expect(sockets.size).toBe(200);
  });

  it("lets browsers cache assets for a year, but never the page itself, and sends precompressed files", async () => {
    const asset = await fetch(`${address}/assets/small.js`);
    expect(asset.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
    expect(asset.headers.get("content-encoding")).toBe("gzip");
    expect(await asset.text()).toBe("compressed when the image was built");
    const plain = await fetch(`${address}/assets/small.js`, { headers: { "accept-encoding": "identity" } });
    expect(await plain.text()).toMatch(/^small small/);
    for (const path of ["/", "/index.html", "/some/where"]) {
      expect((await fetch(`${address}${path}`)).headers.get("cache-control")).toBe("no-store");
    }
    expect((await fetch(`${address}/assets/gone.js`)).status).toBe(404);
  });

  it.each(["/", "/assets/plain.js", "/assets/gone.js", "/api/item?id=a"])(
    "sends the security headers with %s and allows nothing inline",
    async (path) => {
      const { headers } = await fetch(`${address}${path}`);
      const policy = headers.get("content-security-policy")!;
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain("script-src 'self'");
      expect(policy).not.toMatch(/unsafe|data:|\*/);
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("x-frame-options")).toBe("DENY");
      expect(headers.get("referrer-policy")).toBe("no-referrer");
      expect(headers.get("cross-origin-opener-policy")).toBe("same-origin");
      expect(headers.get("permissions-policy")).toContain("camera=()");
      expect(headers.get("server")).toBe("nginx");
    },
  );

  it("reports the request rate, and zero once there are no requests", async () => {
    const rate = async () =>
      Number(/^nginx_http_requests_per_second (\S+)$/m.exec(await (await fetch(`${address}/metrics`)).text())?.[1]);
    const until = async (holds: (rate: number) => boolean) => {
      for (const end = Date.now() + 8000; Date.now() < end; await new Promise((r) => setTimeout(r, 100)))
        if (holds(await rate())) return true;
      return `still ${await rate()}`;
    };
    const load = setInterval(() => void fetch(`${address}/api/item`).then((r) => r.text()), 20);
    // 50 requests per second are sent; a busy machine sends fewer
    expect(await until((r) => r > 15 && r < 60)).toBe(true);
    clearInterval(load);
    // the scrapes themselves are not counted
    expect(await until((r) => r === 0)).toBe(true);
  });

  it("counts requests by route, method and status, with their latency", async () => {
    const metric = async (name: string, labels: string) => {
      const text = await (await fetch(`${address}/metrics`)).text();
      const line = text.split("\n").find((l) => l.startsWith(`${name}{${labels}}`));
      return Number(line?.split(" ")[1] ?? 0);
    };
    const name = "nginx_http_request_duration_seconds";
    const labels = 'route="api",method="POST",status="418"';
    api.answer = (_, response) => setTimeout(() => response.writeHead(418).end(), 30);
    for (let i = 0; i < 7; i++) await (await fetch(`${address}/api/item`, { method: "POST" })).text();
    await fetch(`${address}/assets/gone.js`, { method: "BREW" });
    await fetch(`${address}/anywhere`);
    // written once a second
    const end = Date.now() + 5000;
    while ((await metric(`${name}_count`, labels)) < 7 && Date.now() < end)
      await new Promise((r) => setTimeout(r, 100));
    expect(await metric(`${name}_count`, labels)).toBe(7);
    expect(await metric(`${name}_sum`, labels)).toBeGreaterThan(0.2);
    expect(await metric(`${name}_bucket`, `${labels},le="0.01"`)).toBe(0);
    expect(await metric(`${name}_bucket`, `${labels},le="10"`)).toBe(7);
    expect(await metric(`${name}_bucket`, `${labels},le="+Inf"`)).toBe(7);
    expect(await metric("nginx_http_response_bytes_total", labels)).toBeGreaterThan(1000);
    const response = await fetch(`${address}/metrics`);
    expect(response.headers.get("content-type")).toMatch(/^text\/plain/);
    const text = await response.text();
    // no label contains a client's path or unknown method
    expect(text).toContain('route="page",method="GET",status="200"');
    expect(text).not.toMatch(/anywhere|gone|BREW/);
    expect(text).toMatch(/^nginx_connections\{state="writing"\} [1-9]\d*$/m);
    expect(text).toMatch(/^nginx_connections_total [1-9]\d*$/m);
    // every line is a comment or a sample
    for (const line of text.trim().split("\n")) expect(line).toMatch(/^#|^[a-z_]+(\{[^}]*\})? [\d.]+$/);
  });

  it("keeps serving if awk dies, and then resumes counting", async () => {
    const pid = Number(execFileSync("pgrep", ["-f", `^awk .*${nginx.dir}/`], { encoding: "utf8" }).split("\n")[0]);
    process.kill(pid, "SIGKILL");
    for (let i = 0; i < 2000; i++) expect((await fetch(`${address}/healthz`)).status).toBe(200);
    for (let i = 0; i < 20; i++) expect((await fetch(`${address}/api/item?id=a`)).status).toBe(200);
    const end = Date.now() + 8000;
    let text = "";
    while (!text.includes('_count{route="api",method="GET",status="200"}') && Date.now() < end) {
      await new Promise((r) => setTimeout(r, 200));
      await (await fetch(`${address}/api/item?id=a`)).text();
      text = await (await fetch(`${address}/metrics`)).text();
    }
    expect(text).toContain('_count{route="api",method="GET",status="200"}');
  }, 20_000);

  it.each([
    ["http://10.96.0.1:3000", "server 10.96.0.1:3000 max_fails=0;"],
    ["http://fd00::1:3000", "server [fd00::1]:3000 max_fails=0;"],
    ["http://[fd00::1]:3000", "server [fd00::1]:3000 max_fails=0;"],
  ])("accepts %s as the API's address", (url, line) => {
    expect(render({ API_URL: url })).toContain(line);
  });

  it.each([["https://api:3000"], ["http://api:3000/path"], ["http://"]])(
    "rejects %s with the expected format",
    (url) => {
      expect(() => render({ API_URL: url })).toThrow(/expected http:\/\/host:port/);
    },
  );
  it("rejects a name that does not resolve", () => {
    expect(() => render({ API_URL: "http://nowhere.invalid:3000" })).toThrow(
      /cannot resolve the API's name "nowhere.invalid"/,
    );
  });
  it("refuses to start without the API's address", () => {
    expect(() => render({})).toThrow(/address of the API/);
  });

  it("follows the API's name to a new address without failing a request", async () => {
    const { port } = api;
    const moved = createServer((_, response) => response.end("moved")).listen(port, "127.0.0.2");
    await new Promise((done) => moved.once("listening", done));
    const bin = mkdtempSync(join(tmpdir(), "bin-"));
    const names = (address: string) =>
      writeFileSync(join(bin, "getent"), `#!/bin/sh\necho "${address} STREAM $2"\n`, { mode: 0o755 });
    names("127.0.0.1");
    const follower = await new Nginx(bin).start(files, `http://api.test:${port}`);
    try {
      const request = async () => (await fetch(`${follower.address}/api/item?id=a`)).text();
      expect(await request()).toBe("from the API");
      const seen = new Set<string>();
      const failures: unknown[] = [];
      // without a pause, because nginx closes connections that are idle when it reloads
      const client = async (agent: Agent) => {
        for (const end = Date.now() + 12_000; !seen.has("moved") && Date.now() < end;) {
          await textOf(`${follower.address}/assets/plain.js`, agent).catch((error: unknown) => failures.push(error));
        }
      };
      const clients = Array.from({ length: 4 }, () => client(new Agent({ keepAlive: true, maxSockets: 1 })));
      names("127.0.0.2");
      for (const end = Date.now() + 12_000; !seen.has("moved") && Date.now() < end;) {
        seen.add(await request());
        await new Promise((done) => setTimeout(done, 20));
      }
      await Promise.all(clients);
      expect([...seen]).toEqual(["from the API", "moved"]);
      expect(failures).toEqual([]);
    } finally {
      await follower.stop();
      moved.closeAllConnections();
      moved.close();
      rmSync(bin, { recursive: true });
    }
  });
});
