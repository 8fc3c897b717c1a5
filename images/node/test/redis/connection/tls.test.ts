/** Tests TLS to main, to replicas known by their addresses, and to Sentinels. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { form, startApi, type Api } from "../../helpers/api";
import { Authority, hasTls, tlsSettings } from "../../helpers/authority";
import { eventually, freePort, Redis } from "../../helpers/redis";

describe.skipIf(!hasTls)("Redis over TLS", () => {
  const authority = hasTls ? new Authority() : undefined!;
  const servers: Redis[] = [];
  let main: number;
  let replica: number;
  let api: Api | undefined;

  async function tlsRedis(name: string, follows?: number): Promise<number> {
    const port = await freePort();
    const plain = await freePort();
    // the test itself uses a second port without TLS
    servers.push(await new Redis(plain, follows, tlsSettings(authority, name, port)).start());
    return port;
  }
  const start = (env: Record<string, string> = {}) =>
    startApi(`redis://127.0.0.1:${main}`, `redis://127.0.0.1:${replica}`, {
      REDIS_TLS_CA_FILE: authority.ca,
      REDIS_TLS_NAME: "redis-main",
      ...env,
    });

  beforeAll(async () => {
    main = await tlsRedis("redis-main");
    replica = await tlsRedis("redis-main", main);
  }, 30_000);
  afterAll(async () => {
    await api?.server.stop();
    for (const server of servers) await server.stop();
  });

  it("writes to main and reads from a replica known by its address", async () => {
    api = await start();
    await eventually("a write", async () => (await api!.fetch("/item", form("POST", { id: "a", val: "1" }))).ok);
    await eventually("a read", async () => (await (await api!.fetch("/item?id=a")).text()) === "1");
    const metrics = await (await api.fetch("/metrics")).text();
    expect(metrics).toMatch(/redis_pool_reads_total\{[^}]*\} [1-9]/);
    await api.server.stop();
    api = undefined;
  }, 20_000);

  it("rejects a certificate for another name", async () => {
    api = await start({ REDIS_TLS_NAME: "somebody-else", REDIS_MAIN_PATIENCE_MS: "200" });
    expect((await api.fetch("/item", form("POST", { id: "a", val: "2" }))).status).toBe(503);
    await api.server.stop();
    api = undefined;
  }, 20_000);

  it("rejects a certificate from another authority", async () => {
    api = await start({ REDIS_TLS_CA_FILE: new Authority().ca, REDIS_MAIN_PATIENCE_MS: "200" });
    expect((await api.fetch("/item", form("POST", { id: "a", val: "2" }))).status).toBe(503);
    await api.server.stop();
    api = undefined;
  }, 20_000);

  it("does not start if the configured file is missing", async () => {
    await expect(start({ REDIS_TLS_CA_FILE: "/none/ca.crt" })).rejects.toThrow(/REDIS_TLS_CA_FILE/);
  });
});
