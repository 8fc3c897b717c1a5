/** Failovers reported by Sentinel. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Connection } from "../../../src/redis/connection/connection";
import { TimeoutClock } from "../../../src/redis/connection/timeout-clock";
import { connect } from "../../helpers/connection";
import { FakeSentinel } from "../../helpers/fake-sentinel";
import { eventually, freePort, hasRedis, pause, Redis } from "../../helpers/redis";

describe.skipIf(!hasRedis)("a connection through Sentinel", () => {
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
    await eventually("the connector to subscribe", () => sentinel.listeners === 1);
  });
  afterEach(async () => {
    await sentinel.stop();
    await connection.close();
    clock.stop();
    await redis.stop();
  });

  it("stays connected if a Sentinel reports late that its current main is main", async () => {
    const before = await id();
    sentinel.reportFailover(redis.port);
    await pause(300);
    expect(await id()).toBe(before);
  });

  it("moves to the new main when a Sentinel reports a failover", async () => {
    const other = await new Redis(await freePort()).start();
    try {
      sentinel.mainPort = other.port;
      sentinel.reportFailover(other.port);
      await eventually(
        "the connection to lead to the new main",
        () => connection.usable && connection.remote === `127.0.0.1:${other.port}`,
      );
    } finally {
      await other.stop();
    }
  });
});
