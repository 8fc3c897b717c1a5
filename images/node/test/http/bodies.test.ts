/** Tests bodies that arrive slowly or never. */
import { once } from "node:events";
import { type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { json, startApi, type Api } from "../helpers/api";
import { sendTo } from "../helpers/raw-request";
import { eventually, freePort, hasRedis, Redis } from "../helpers/redis";

describe.skipIf(!hasRedis)("a body that arrives slowly", () => {
  let main: Redis;
  let api: Api;
  const sockets: Socket[] = [];

  beforeEach(async () => {
    main = await new Redis(await freePort()).start();
    api = await startApi(main.url, undefined, { MAX_IN_FLIGHT: "5", REDIS_COMMAND_TIMEOUT_MS: "2000" });
    await eventually("the API to be ready", async () => (await api.fetch("/readyz")).status === 200);
  });
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await api.server.stop();
    await main.stop();
  });

  /** Starts a request and sends only `sent` of its body. Resolves with the response as text. */
  const half = async (body: string, sent: number) => {
    let text = "";
    const head = ["POST /item HTTP/1.1", "host: a", "content-type: application/json", `content-length: ${body.length}`];
    const socket = await sendTo(api.address, `${head.join("\r\n")}\r\n\r\n${body.slice(0, sent)}`);
    sockets.push(socket);
    socket.on("data", (data) => (text += String(data)));
    return { socket, rest: body.slice(sent), text: () => text };
  };
  const inFlight = () => api.metric("http_requests_in_flight");
  const shed = (reason: string) => api.metric(`http_requests_shed_total{reason="${reason}"}`);
  const body = (id: string, size = 100) => JSON.stringify({ id, val: "v".repeat(size) });

  it("uses no capacity that other requests need, and is admitted once it is complete", async () => {
    const waiting = [];
    for (let i = 0; i < 4; i++) waiting.push(await half(body(`slow:${i}`), 10));
    await eventually("their heads to be read", async () => (await api.metric("http_bodies_arriving")) === 4);
    expect(await inFlight()).toBe(0);
    for (let i = 0; i < 10; i++) {
      expect((await api.fetch("/item", json("POST", { id: "k", val: "v" }))).status).toBe(200);
      expect((await api.fetch("/item?id=k")).status).toBe(200);
    }
    for (const { socket, rest } of waiting) socket.write(rest);
    for (const { text } of waiting) await eventually("its answer", () => text().startsWith("HTTP/1.1 200 OK"));
    expect(await api.metric("http_bodies_arriving")).toBe(0);
  });

  it("is rejected once too many newer bodies are arriving, so that it does not delay them", async () => {
    const waiting = [];
    for (let i = 0; i < 8; i++) {
      waiting.push(await half(body(`slow:${i}`), 10));
      await eventually(
        "its head to be read",
        async () => (await api.metric("http_bodies_arriving")) === Math.min(i + 1, 5),
      );
    }
    await eventually("three to be refused", async () => (await shed("bodies")) === 3);
    const refused = waiting.slice(0, 3);
    for (const { text } of refused) await eventually("its answer", () => text().startsWith("HTTP/1.1 503"));
    for (const { text } of waiting.slice(3)) expect(text()).toBe("");
    // head and body in two packets, as many clients send them
    for (let i = 0; i < 3; i++) {
      const { socket, rest, text } = await half(body("k"), 0);
      socket.write(rest);
      await eventually("its answer", () => text().startsWith("HTTP/1.1 200"));
    }
  });

  it("is stored although callers that send only half a body occupy every other place, again and again", async () => {
    const whole = body("steady", 2000);
    const { socket, text } = await half(whole, 100);
    for (let sent = 100; sent < whole.length; sent += 100) {
      await half(body("stopped"), 10);
      socket.write(whole.slice(sent, sent + 100));
      await new Promise((done) => setTimeout(done, 80));
    }
    await eventually("its answer", () => text() !== "");
    expect(text()).toMatch(/^HTTP\/1.1 200 OK/);
    expect(await shed("bodies")).toBeGreaterThan(10);
  });

  it("is rejected once it is complete, if there is no capacity at that time", async () => {
    const slow = await half(body("slow"), 10);
    await eventually("its head to be read", async () => (await api.metric("http_bodies_arriving")) === 1);
    main.signal("SIGSTOP");
    const held = Array.from({ length: 5 }, () => api.fetch("/item?id=k"));
    await eventually("all places to be taken", async () => (await inFlight()) === 5);
    slow.socket.write(slow.rest);
    await eventually("its answer", () => slow.text().startsWith("HTTP/1.1 503"));
    main.signal("SIGCONT");
    for (const response of await Promise.all(held)) expect(response.status).toBe(404);
    expect(await inFlight()).toBe(0);
  });

  it("has 10 s to arrive, and one more for each 100 KiB, and releases its memory afterwards", async () => {
    const small = await half(body("small"), 10);
    const large = await half(body("large", 1024 * 1024), 100_000);
    // at one byte at a time, its time runs out as well
    const drip = setInterval(() => large.socket.write("v"), 500);
    try {
      const closed = [small, large].map(({ socket }) => once(socket, "close"));
      for (const { text } of [small, large]) {
        await expect.poll(text, { timeout: 15_000 }).toMatch(/^HTTP\/1.1 408 /);
        expect(text()).toMatch(/connection: close/i);
        expect(text()).toMatch(
          /\{"error":"the body arrived too slowly: it has 10 s, and one more for each 100 KiB received"\}$/,
        );
      }
      await Promise.all(closed);
    } finally {
      clearInterval(drip);
    }
    expect(await api.metric("http_bodies_arriving")).toBe(0);
    expect((await api.fetch("/item", json("POST", body("k", 1024 * 1024)))).status).toBe(200);
  }, 30_000);

  it("is stored if it needs more than 10 s, but keeps arriving at more than 100 KiB/s", async () => {
    const whole = body("steady", 1024 * 1024);
    const { socket, text } = await half(whole, 0);
    // at 120 KiB/s, the value takes 8.5 s, so after this pause it needs more than 10 s
    await new Promise((done) => setTimeout(done, 4000));
    const step = 60 * 1024;
    for (let sent = 0; sent < whole.length; sent += step) {
      socket.write(whole.slice(sent, sent + step));
      await new Promise((done) => setTimeout(done, 500));
    }
    await eventually("its answer", () => text().startsWith("HTTP/1.1 200 OK"));
  }, 30_000);

  it("is rejected with 413 once it is too large, even without a content-length", async () => {
    const { socket, text } = await half("", 0);
    await eventually("the answer to an empty body", () => text().includes("the body is not JSON"));
    const before = text().length;
    const head = "POST /item HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ntransfer-encoding: chunked";
    const size = 1024 * 1024;
    socket.write(`${head}\r\n\r\n${size.toString(16)}\r\n${"v".repeat(size)}\r\n`);
    await eventually("its head to be read", async () => (await api.metric("http_bodies_arriving")) === 1);
    socket.write(`${size.toString(16)}\r\n${"v".repeat(size)}\r\n`);
    await eventually("its answer", () => text().slice(before).startsWith("HTTP/1.1 413"));
  });

  it("is counted as 499, and not logged as an error, if its caller disconnects", async () => {
    const lines: string[] = [];
    const write = vi.spyOn(process.stdout, "write").mockImplementation((text) => (lines.push(String(text)), true));
    try {
      const { socket } = await half(body("gone", 1024 * 1024), 100_000);
      await eventually("its head to be read", async () => (await api.metric("http_bodies_arriving")) === 1);
      socket.destroy();
      const gone = 'http_request_duration_seconds_count{method="POST",route="/item",status="499"}';
      await eventually("it to be counted", async () => (await api.metric(gone)) === 1);
    } finally {
      write.mockRestore();
    }
    expect(lines.join("")).not.toContain("request failed");
    expect(await api.metric("http_bodies_arriving")).toBe(0);
    expect(await inFlight()).toBe(0);
  });
});
