/** @vitest-environment node */
/** Tests that no caller can make nginx exceed its memory limit, and how nginx limits connections. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasNginx, Nginx } from "./nginx";
import { nginxBeforeApi, openTo } from "./nginx-setup";

const MIB = 1024 * 1024;
/** The container's memory limit in these tests. */
const LIMIT = 48 * MIB;
/** A generous allowance for the master process, awk and the shells. */
const OTHERS = 16 * MIB;
/** The value of a kernel setting that turns off nginx's memory limit. */
const IGNORED = "/sys/module/kernel/parameters/ignore_rlimit_data";
const unlimited = existsSync(IGNORED) && readFileSync(IGNORED, "utf8").startsWith("Y");
if (unlimited) console.warn(`SKIPPED: nginx's memory limit, because ${IGNORED} makes this kernel ignore such limits`);

describe.skipIf(!hasNginx("tests of nginx's memory"))("nginx", () => {
  const { api, files, ...rest } = nginxBeforeApi();
  let nginx: Nginx;
  beforeAll(async () => {
    nginx = await new Nginx("", undefined, LIMIT).start(files, api.url);
  });
  afterAll(() => nginx.stop());

  /** Peak memory of the worker, in bytes. */
  const peak = () => {
    const [worker] = nginx.workers();
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${worker}/status`, "utf8"))![1]) * 1024;
  };
  const numberOf = (directive: string) => {
    const text = readFileSync(join(nginx.dir, "nginx.conf"), "utf8");
    return Number(new RegExp(`^\\s*${directive} (\\d+)`, "m").exec(text)![1]);
  };

  it.skipIf(unlimited).each([
    ["large", `GET / HTTP/1.1\r\nHost: a\r\n${`X: ${"y".repeat(7900)}\r\n`.repeat(2)}Z: `],
    ["many", `GET / HTTP/1.1\nHost: a\n${"a:\n".repeat(900)}`],
  ])("stays below the container's limit with unfinished headers that are %s, and keeps serving", async (_, text) => {
    const [worker] = nginx.workers();
    const connections = Array.from({ length: numberOf("worker_connections") }, () => openTo(nginx.address, text));
    try {
      await new Promise((done) => setTimeout(done, 3000));
      expect(peak()).toBeLessThan(LIMIT - OTHERS);
    } finally {
      for (const { socket } of connections) socket.destroy();
    }
    const status = () =>
      fetch(`${nginx.address}/api/item?id=a`).then(
        (response) => response.status,
        () => 0,
      );
    await expect.poll(status, { timeout: 8000 }).toBe(200);
    expect(nginx.workers()).toEqual([worker]);
  });

  it("answers while nearly all connections have sent one byte", async () => {
    const count = numberOf("worker_connections") - 200;
    const connections = Array.from({ length: count }, () => openTo(nginx.address, "G"));
    try {
      await Promise.all(
        connections.map(({ socket }) => socket.connecting && new Promise((done) => socket.once("connect", done))),
      );
      for (const path of ["/healthz", "/api/item?id=a", "/"])
        expect((await fetch(`${nginx.address}${path}`)).status).toBe(200);
    } finally {
      for (const { socket } of connections) socket.destroy();
    }
  });

  it("stops the old worker some time after a reload, whatever its clients do", async () => {
    const short = new Nginx("", undefined, undefined, (text) =>
      text.replace("worker_shutdown_timeout 60s;", "worker_shutdown_timeout 2s;"),
    );
    await short.start(files, api.url);
    const { socket } = openTo(short.address, "POST /api/item HTTP/1.1\r\nhost: a\r\ncontent-length: 20000\r\n\r\n");
    const goOn = setInterval(() => socket.write("y"), 500);
    try {
      const [old] = short.workers();
      process.kill(Number(readFileSync(join(short.dir, "nginx.pid"), "utf8")), "SIGHUP");
      await expect.poll(() => short.workers(), { timeout: 5000 }).not.toEqual([old]);
      await expect.poll(() => short.workers(), { timeout: 15_000 }).not.toContain(old);
      expect((await fetch(`${short.address}/healthz`)).status).toBe(200);
    } finally {
      clearInterval(goOn);
      socket.destroy();
      await short.stop();
    }
  });

  it("disconnects a client whose header is incomplete after 5 s, even if it is still sending", async () => {
    const { socket } = rest.open("GET / HTTP/1.1\r\nHost: a\r\nX: ");
    const begin = performance.now();
    const goOn = setInterval(() => socket.write("y"), 500);
    await expect.poll(() => socket.destroyed, { timeout: 15_000 }).toBe(true);
    clearInterval(goOn);
    expect(performance.now() - begin).toBeGreaterThan(4000);
  });

  it.each([
    ["a line", { "x-long": "y".repeat(9000) }, "?id=a"],
    ["the path", {}, `?id=${"y".repeat(9000)}`],
    ["all lines", { a: "y".repeat(7000), b: "y".repeat(7000), c: "y".repeat(7000) }, "?id=a"],
  ])("answers with a JSON 431 response if the header is too long: %s", async (_, headers, query) => {
    const response = await fetch(`${nginx.address}/api/item${query}`, { headers });
    expect(response.status).toBe(431);
    expect(await response.json()).toEqual({
      error: "the header is larger than 16 KB, or one of its lines is larger than 8 KB",
    });
    expect(api.seen).toEqual([]);
  });

  it.each([
    [48, 2457, 614],
    [96, 4915, 1024],
    [256, 10_000, 1024],
  ])("with %i MiB, accepts at most %i connections and %i requests to the API", (mib, connections, requests) => {
    const unstarted = new Nginx("", 20_000, mib * MIB);
    const text = unstarted.render({ API_URL: "http://127.0.0.1:3000" });
    expect(text).toContain(`worker_connections ${connections};`);
    expect(text).toContain(`limit_conn api ${requests};`);
    return unstarted.stop();
  });
});
