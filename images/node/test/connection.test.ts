/** What a connection says of a command that it could not send. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Clock } from "../src/redis/clock";
import { Connection } from "../src/redis/connection";
import { NotSent } from "../src/redis/errors";
import { eventually, freePort, hasRedis, PASSWORD_FILE, Redis } from "./redis";

describe.skipIf(!hasRedis)("a connection to Redis", () => {
  let redis: Redis;
  let connection: Connection;
  const clock = new Clock();

  beforeEach(async () => {
    redis = await new Redis(await freePort()).start();
    connection = new Connection({
      name: "main",
      address: { host: "127.0.0.1", port: redis.port },
      login: { user: undefined, passwordFile: PASSWORD_FILE },
      tls: undefined,
      connectTimeoutMs: 1000,
      timeoutMs: 1000,
      clock,
    });
    connection.open();
    await eventually("it to be usable", () => connection.usable);
  });
  afterEach(async () => {
    await connection.close();
    clock.stop();
    await redis.stop();
  });

  it("that is being dropped: a command is certainly not sent, so it may be sent again on the next one", async () => {
    connection.reconnect();
    expect([connection.usable, connection.downMs]).toEqual([false, 0]);
    await expect(connection.send((client) => client.set("k", "v"))).rejects.toBeInstanceOf(NotSent);
    await connection.whenUsable(5000);
    expect(await connection.send((client) => client.set("k", "v"))).toBe("OK");
  });
});
