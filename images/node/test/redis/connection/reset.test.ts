/** Tests that a write that timed out does not arrive later from the kernel's send queue. */
import { readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Connection } from "../../../src/redis/connection/connection";
import { NoAnswer, NotSent } from "../../../src/redis/connection/errors";
import { TimeoutClock } from "../../../src/redis/connection/timeout-clock";
import { Authority, hasTls, tlsSettings } from "../../helpers/authority";
import { connect } from "../../helpers/connection";
import { eventually, freePort, hasRedis, pause, Redis } from "../../helpers/redis";

/**
 * More bytes than fit into the receive buffer of a process that does not read, and fewer than fit into the send buffer:
 * data sent after it waits in the kernel on this side, as it does when the network drops packets.
 */
const FILLING = "x".repeat(1_000_000);

describe.skipIf(!hasRedis).each(["plain", "TLS"])("over %s, a write without a reply in time", (kind) => {
  const encrypted = kind === "TLS";
  let redis: Redis;
  let connection: Connection;
  const clock = new TimeoutClock();

  beforeEach(async (context) => {
    if (encrypted && !hasTls) context.skip();
    const port = await freePort();
    const authority = encrypted ? new Authority() : undefined;
    redis = await new Redis(
      await freePort(),
      undefined,
      authority ? tlsSettings(authority, "redis-main", port) : [],
    ).start();
    redis.cli("SET", "kept", "old");
    connection = await connect({
      address: { host: "127.0.0.1", port: encrypted ? port : redis.port },
      clock,
      timeoutMs: 300,
      tls: authority && { ca: readFileSync(authority.ca, "utf8"), servername: "redis-main" },
    });
  });
  afterEach(async () => {
    await connection?.close();
    clock.stop();
    await redis?.stop();
  });

  /** Sends a deletion to a Redis that does not read, which resumes reading once `end` has ended the connection. */
  async function deleteLate(end: () => Promise<unknown> | void): Promise<string> {
    redis.signal("SIGSTOP");
    const answers = [
      connection.send((client) => client.set("filling", FILLING)),
      connection.send((client) => client.del("kept")),
    ].map((answer) => expect(answer).rejects.toBeInstanceOf(NoAnswer));
    // the kernel accepts as much as fits
    await pause(100);
    await end();
    await Promise.all(answers);
    await pause(100);
    redis.signal("SIGCONT");
    await eventually("Redis to answer", () => redis.cli("PING").includes("PONG"));
    await pause(300);
    return redis.cli("MGET", "kept", "filling").slice(0, 10).trim();
  }

  it("is not executed later", async () => {
    expect(await deleteLate(() => undefined)).toBe("old");
    await eventually("the connection to be usable again", () => connection.usable);
    expect(await connection.send((client) => client.set("kept", "new"))).toBe("OK");
  });

  it("is the last write on the connection, which is then reset", async () => {
    connection.reconnect();
    await expect(connection.send((client) => client.del("kept"))).rejects.toBeInstanceOf(NotSent);
  });

  it("is not executed after the connection was closed", async () => {
    expect(await deleteLate(() => connection.close())).toBe("old");
  });

  it("is not executed once a new connection is open", async () => {
    expect(await deleteLate(() => connection.reconnect())).toBe("old");
  });
});
