/** Tests values of up to 1 MiB, and their effect on other requests. */
import { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import { Redis as Client } from "ioredis";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Admission } from "../../src/admission";
import { ROUTES, type Context } from "../../src/http/routes";
import { HEAD_BYTES } from "../../src/redis/store";
import { type Api } from "../helpers/api";
import { ApiOnMain } from "../helpers/api-on-main";
import { sendTo } from "../helpers/raw-request";
import { eventually, hasRedis, pause, Redis } from "../helpers/redis";

describe.skipIf(!hasRedis)("a large value", () => {
  const value = `é${"v".repeat(1024 * 1024 - 2)}`;
  let started: ApiOnMain;
  let main: Redis;
  let client: Client;
  let api: Api;

  beforeEach(async () => {
    const fill = (filled: Client) => filled.set("large", value);
    started = await ApiOnMain.start({ fill, env: { REDIS_COMMAND_TIMEOUT_MS: "5000" } });
    ({ main, client, api } = started);
  });
  afterEach(() => started.stop());

  const inFlight = () => api.metric("http_requests_in_flight");

  it("is not requested from Redis if the caller has disconnected", async () => {
    main.signal("SIGSTOP");
    const sockets = await Promise.all(
      Array.from({ length: 20 }, () => sendTo(api.address, "GET /item?id=large HTTP/1.1\r\nhost: a\r\n\r\n")),
    );
    await eventually("all to be in flight", async () => (await inFlight()) === 20);
    for (const socket of sockets) socket.resetAndDestroy();
    await pause(100);
    main.signal("SIGCONT");
    await eventually("none to be in flight", async () => (await inFlight()) === 0);
    expect(main.calls("get")).toBe(0);
  });

  it.each(["eventual", "strong"])(
    "is read over a separate connection that carries one value at a time: %s",
    async (consistency) => {
      const answers = await Promise.all(
        Array.from({ length: 12 }, () =>
          api.fetch("/item?id=large", { headers: { consistency } }).then((r) => r.text()),
        ),
      );
      expect(answers.every((text) => text === value)).toBe(true);
      const last = main.cli("CLIENT", "LIST").match(/name=api .*cmd=\S+/g)!;
      const cmds = last.map((line) => line.split("cmd=")[1]);
      expect(cmds.filter((cmd) => cmd === "get")).toHaveLength(1);
      expect(cmds.length).toBeGreaterThan(1);
    },
  );

  it("does not wait for a list", async () => {
    await client.eval("for i = 1, 50000 do redis.call('SET', 'key:' .. i, 1) end", 0);
    await (await api.fetch("/items?limit=10")).text();
    expect(await (await api.fetch("/item?id=large")).text()).toBe(value);
    const last = main.cli("CLIENT", "LIST").match(/name=api .*cmd=\S+/g)!;
    const cmds = last.map((line) => line.split("cmd=")[1]);
    expect(cmds).toContain("scan");
    expect(cmds).toContain("get");
  });
});

describe("a key that is set while it is read as missing", () => {
  const read = async (store: object) => {
    const admission = new Admission({
      ...{ maxInFlight: 1, maxBytesInFlight: 1e9, maxLists: 1 },
      ...{ maxMatchingPages: 1, maxBodiesArriving: 1 },
    });
    const request = new IncomingMessage(new Socket());
    const response = new ServerResponse(request);
    const context = { store: { head: () => Promise.resolve(""), ...store }, admission } as unknown as Context;
    const reply = await ROUTES.get("/item")!.get("GET")!.handle(request, "id=a", context, response);
    return { reply, used: admission.memory.used };
  };

  it("is read like any large value, within the memory for them, because its value may have any size", async () => {
    const large = () => Promise.resolve(Buffer.from("new"));
    const { reply, used } = await read({ exists: () => Promise.resolve(true), large });
    expect(reply).toMatchObject({ status: 200, body: Buffer.from("new") });
    expect(used).toBe(1024 * 1024);
  });
  it("takes no memory if it is still missing", async () => {
    const { reply, used } = await read({ exists: () => Promise.resolve(false) });
    expect(reply).toMatchObject({ status: 404 });
    expect(used).toBe(0);
  });
});

describe("the memory of a large value", () => {
  it.each(["its caller disconnects first", "Redis answers first"])(
    "is released once Redis has answered and the response has closed: %s",
    async (order) => {
      const admission = new Admission({
        ...{ maxInFlight: 1, maxBytesInFlight: 1e9, maxLists: 1 },
        ...{ maxMatchingPages: 1, maxBodiesArriving: 1 },
      });
      let answer!: (value: Buffer) => void;
      const store = {
        head: () => Promise.resolve("v".repeat(HEAD_BYTES)),
        large: () => new Promise<Buffer>((resolve) => (answer = resolve)),
      };
      const request = new IncomingMessage(new Socket());
      const response = new ServerResponse(request);
      const context = { store, admission } as unknown as Context;
      const reply = ROUTES.get("/item")!.get("GET")!.handle(request, "id=a", context, response);
      await pause(0);
      expect(admission.memory.used).toBe(1024 * 1024);
      const close = () => {
        response.destroy();
        response.emit("close");
      };
      if (order.startsWith("Redis")) answer(Buffer.from("v"));
      else close();
      await pause(0);
      expect(admission.memory.used).toBe(1024 * 1024);
      if (order.startsWith("Redis")) close();
      else answer(Buffer.from("v"));
      await reply;
      expect(admission.memory.used).toBe(0);
    },
  );
});
