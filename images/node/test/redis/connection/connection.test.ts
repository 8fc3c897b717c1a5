/** What a connection makes of an end that it has brought about itself, and of a change of main that it has made already. */
import { createServer } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { TimeoutClock } from "../../../src/redis/connection/timeout-clock";
import { Connection, type ConnectionOptions } from "../../../src/redis/connection/connection";
import { NotSent } from "../../../src/redis/connection/errors";
import { bulk, FakeSentinel } from "../../helpers/fake-sentinel";
import { eventually, freePort, hasRedis, PASSWORD_FILE, Redis } from "../../helpers/redis";

describe.skipIf(!hasRedis)("a connection to Redis", () => {
  let redis: Redis;
  let connection: Connection;
  const clock = new TimeoutClock();

  async function connect(address: ConnectionOptions["address"]): Promise<void> {
    connection = new Connection({
      name: "main",
      address,
      login: { user: undefined, passwordFile: PASSWORD_FILE },
      tls: undefined,
      connectTimeoutMs: 1000,
      timeoutMs: 1000,
      clock,
    });
    connection.open();
    await eventually("it to be usable", () => connection.usable);
  }
  const id = () => connection.send((client) => client.client("ID"));

  beforeEach(async () => {
    redis = await new Redis(await freePort()).start();
  });
  afterEach(async () => {
    await connection.close();
    clock.stop();
    await redis.stop();
  });

  it("that is being dropped: a command is certainly not sent, so it may be sent again on the next one", async () => {
    await connect({ host: "127.0.0.1", port: redis.port });
    connection.reconnect();
    expect([connection.usable, connection.downMs]).toEqual([false, 0]);
    await expect(connection.send((client) => client.set("k", "v"))).rejects.toBeInstanceOf(NotSent);
    await connection.whenUsable(5000);
    expect(await connection.send((client) => client.set("k", "v"))).toBe("OK");
  });

  it("to a main that still loads its data is usable soon after, whatever main thought how long it would take", async () => {
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
      await connect({ host: "127.0.0.1", port });
      // on the connection that it had: not one that gave up, and asked again
      expect([connections, asked]).toEqual([1, 4]);
    } finally {
      await connection.close();
      main.close();
    }
  });

  describe("by Sentinels", () => {
    let sentinel: FakeSentinel;
    beforeEach(async () => {
      sentinel = await new FakeSentinel().start();
      sentinel.mainPort = redis.port;
      await connect({ sentinels: [{ host: "127.0.0.1", port: sentinel.port }], name: "main" });
      await eventually("it to listen", () => sentinel.listeners === 1);
    });
    afterEach(() => sentinel.stop());

    it("stays where it is when a Sentinel tells late that the main it leads to is main", async () => {
      const before = await id();
      sentinel.tell(redis.port);
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(await id()).toBe(before);
    });

    it("goes to another main when a Sentinel tells of one", async () => {
      const other = await new Redis(await freePort()).start();
      try {
        sentinel.mainPort = other.port;
        sentinel.tell(other.port);
        await eventually(
          "it to lead there",
          () => connection.usable && connection.remote === `127.0.0.1:${other.port}`,
        );
      } finally {
        await other.stop();
      }
    });
  });
});
