/** Tests that callers that hold large bodies open do not affect other callers. */
import { type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { json, startApi, type Api } from "../helpers/api";
import { sendTo } from "../helpers/raw-request";
import { eventually, freePort, hasRedis, Redis } from "../helpers/redis";

const MIB = 1024 * 1024;
const SENDERS = 128;

describe.skipIf(!hasRedis)("128 slow large bodies from two addresses", () => {
  let main: Redis;
  let api: Api;
  const senders: Socket[] = [];

  beforeEach(async () => {
    main = await new Redis(await freePort()).start();
    // with the limits of a deployment
    api = await startApi(main.url, undefined, { REDIS_COMMAND_TIMEOUT_MS: "2000" });
    await eventually("the API to be ready", async () => (await api.fetch("/readyz")).status === 200);
  });
  afterEach(async () => {
    for (const socket of senders.splice(0)) socket.destroy();
    await api.server.stop();
    await main.stop();
  });

  const HEAD = "POST /item HTTP/1.1\r\nhost: a\r\ncontent-type: application/json";
  const ANNOUNCED = `${HEAD}\r\ncontent-length: ${1.5 * MIB}\r\n\r\n`;
  const CHUNKED = `${HEAD}\r\ntransfer-encoding: chunked\r\n\r\n`;

  /** Opens all senders. Each sends `text`, waits, and reads its response. */
  const hold = async (text: string) => {
    const answers: string[] = [];
    for (let i = 0; i < SENDERS; i++) {
      const socket = await sendTo(api.address, text, i % 2 === 0 ? "127.0.0.2" : "127.0.0.3");
      socket.on("data", (data) => (answers[i] = (answers[i] ?? "") + String(data)));
      senders.push(socket);
    }
    return answers;
  };
  const arriving = () => api.metric("http_bodies_arriving");
  const shedBytes = () => api.metric('http_requests_shed_total{reason="bytes"}');
  const storeLarge = async (id: string) => {
    expect((await api.fetch("/item", json("POST", { id, val: "v".repeat(MIB) }))).status).toBe(200);
    expect(main.cli("STRLEN", id).trim()).toBe(String(MIB));
  };
  const readLarge = async (id: string) => {
    const response = await api.fetch(`/item?id=${id}`);
    expect([response.status, (await response.text()).length]).toEqual([200, MIB]);
  };

  it.each([
    ["announced", ANNOUNCED],
    ["of unknown length", CHUNKED],
  ])("keep no memory from others and stay open if they send nothing (%s)", async (_, head) => {
    const answers = await hold(head);
    await eventually("their heads to be read", async () => (await arriving()) === SENDERS);
    await storeLarge("k");
    await readLarge("k");
    expect(answers).toEqual([]);
  });

  // at 1.25 MiB each, these are more than three times the memory
  const piece = "v".repeat(1.25 * MIB);
  it.each([
    ["announced", ANNOUNCED + piece],
    ["of unknown length", `${CHUNKED}${piece.length.toString(16)}\r\n${piece}\r\n`],
  ])("give up their memory when others need it, if they stop before their end (%s)", async (_, text) => {
    await hold(text);
    // 48 MiB hold 37 of them
    await eventually("the memory to be full", async () => (await arriving()) <= 37 && (await shedBytes()) > 0);
    for (const id of ["a", "b", "c"]) await storeLarge(id);
    await readLarge("a");
    expect(await arriving()).toBeLessThan(37);
  });

  it("do not keep their places longer by sending a byte now and then", async () => {
    await hold(ANNOUNCED + piece);
    const drip = setInterval(() => senders.forEach((socket) => socket.write("v")), 50);
    try {
      for (let i = 0; i < 5; i++) await storeLarge(`k${i}`);
      await readLarge("k0");
    } finally {
      clearInterval(drip);
    }
  });
});
