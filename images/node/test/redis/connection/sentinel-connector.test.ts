/** What a connection makes of a change of main, also of one that it has made already. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Connection } from "../../../src/redis/connection/connection";
import { TimeoutClock } from "../../../src/redis/connection/timeout-clock";
import { connect } from "../../helpers/connection";
import { FakeSentinel } from "../../helpers/fake-sentinel";
import { eventually, freePort, hasRedis, pause, Redis } from "../../helpers/redis";

describe.skipIf(!hasRedis)("a connection by Sentinels", () => {
  let redis: Redis;
  let sentinel: FakeSentinel;
  let connection: Connection;
  const clock = new TimeoutClock();
  const id = () => connection.send((client) => client.client("ID"));

  beforeEach(async () => {
    redis = await new Redis(await freePort()).start();
    sentinel = await new FakeSentinel().start();
    sentinel.mainPort = redis.port;
    const address = { sentinels: [{ host: "127.0.0.1", port: sentinel.port }], name: "main" };
    connection = await connect({ address, clock });
    await eventually("it to listen", () => sentinel.listeners === 1);
  });
  afterEach(async () => {
    await sentinel.stop();
    await connection.close();
    clock.stop();
    await redis.stop();
  });

  it("stays where it is when a Sentinel tells late that the main it leads to is main", async () => {
    const before = await id();
    sentinel.tell(redis.port);
    await pause(300);
    expect(await id()).toBe(before);
  });

  it("goes to another main when a Sentinel tells of one", async () => {
    const other = await new Redis(await freePort()).start();
    try {
      sentinel.mainPort = other.port;
      sentinel.tell(other.port);
      await eventually("it to lead there", () => connection.usable && connection.remote === `127.0.0.1:${other.port}`);
    } finally {
      await other.stop();
    }
  });
});
