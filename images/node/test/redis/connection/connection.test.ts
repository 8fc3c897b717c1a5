/** Tests reconnection, and a main that is still loading. */
import { createServer } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Connection } from "../../../src/redis/connection/connection";
import { NotSent } from "../../../src/redis/connection/errors";
import { TimeoutClock } from "../../../src/redis/connection/timeout-clock";
import { connect, connectionTo } from "../../helpers/connection";
import { bulk } from "../../helpers/fake-sentinel";
import { eventually, freePort, hasRedis, pause, Redis } from "../../helpers/redis";

describe.skipIf(!hasRedis)("a connection to Redis", () => {
  let redis: Redis;
  let connection: Connection;
  const clock = new TimeoutClock();

  beforeEach(async () => {
    redis = await new Redis(await freePort()).start();
  });
  afterEach(async () => {
    await connection.close();
    clock.stop();
    await redis.stop();
  });

  it("does not send a command while it is being closed, so that the command can be sent on the next connection", async () => {
    connection = await connect({ address: { host: "127.0.0.1", port: redis.port }, clock });
    connection.reconnect();
    expect([connection.usable, connection.downMs]).toEqual([false, 0]);
    await expect(connection.send((client) => client.set("k", "v"))).rejects.toBeInstanceOf(NotSent);
    await connection.whenUsable(5000);
    expect(await connection.send((client) => client.set("k", "v"))).toBe("OK");
  });

  it("becomes usable soon after main has loaded its data, regardless of the loading time that main estimates", async () => {
    let asked = 0;
    let connections = 0;
    const main = createServer((socket) => {
      connections++;
      socket.on("error", () => undefined);
      socket.on("data", (data) => {
        for (const command of String(data).split(/(?=\*\d+\r\n\$)/)) {
          const loading = /\binfo\b/i.test(command) && ++asked < 4;
          const info = loading ? "loading:1\r\nloading_eta_seconds:60" : "loading:0";
          socket.write(/\binfo\b/i.test(command) ? bulk(info) : "+OK\r\n");
        }
      });
    });
    const port = await freePort();
    await new Promise<void>((resolve) => main.listen(port, "127.0.0.1", resolve));
    try {
      connection = await connect({ address: { host: "127.0.0.1", port }, clock });
      // on the first connection, without reconnecting
      expect([connections, asked]).toEqual([1, 4]);
    } finally {
      await connection.close();
      main.close();
    }
  });

  it("is attempted more often while a command waits for it", async () => {
    const port = await freePort();
    let attempts = 0;
    const address = () => {
      attempts++;
      return { host: "127.0.0.1", port };
    };
    connection = connectionTo({ address, clock });
    connection.open();
    // wait until the time between attempts no longer grows
    await eventually("seven attempts", () => attempts >= 7);
    const during = async (what: Promise<unknown>) => {
      const before = attempts;
      await what;
      return attempts - before;
    };
    const alone = await during(pause(2000));
    const awaited = await during(connection.whenUsable(2000));
    expect(alone).toBeGreaterThan(0);
    expect(awaited).toBeGreaterThan(2 * alone);
  });
});
