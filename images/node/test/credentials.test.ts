import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import { readConfig } from "../src/config";
import { credentials } from "../src/credentials";
import { json, startApi, type Api } from "./helpers/api";
import { eventually, freePort, hasRedis, PASSWORD, Redis } from "./helpers/redis";

describe("credentials for Redis", () => {
  const dir = mkdtempSync(join(tmpdir(), "api-"));
  const file = join(dir, "password");
  writeFileSync(file, "secret\n");
  afterAll(() => rmSync(dir, { recursive: true }));

  it("are read from the current password file, without the newline", () => {
    const { login, readLogin } = readConfig({ REDIS_PASSWORD_FILE: file });
    expect(credentials(login)).toEqual({ password: "secret", sentinelPassword: "secret" });
    expect(readLogin).toEqual(login);
    writeFileSync(file, "changed\n");
    expect(credentials(login).password).toBe("changed");
  });

  it("use different users on main and on replicas if both are set", () => {
    const env = { REDIS_USER: "writer", REDIS_PASSWORD_FILE: file };
    const { login, readLogin } = readConfig({ ...env, REDIS_READ_USER: "reader", REDIS_READ_PASSWORD_FILE: file });
    expect(credentials(login)).toMatchObject({ username: "writer", sentinelUsername: "writer" });
    expect(credentials(readLogin)).toMatchObject({ username: "reader" });
    expect(readConfig(env).readLogin).toEqual(login);
  });

  it("are optional", () => {
    expect(credentials(readConfig({}).login)).toEqual({});
  });
});

describe.skipIf(!hasRedis)("the API during a password rotation", () => {
  let main: Redis;
  let replica: Redis;
  let api: Api | undefined;

  beforeEach(async () => {
    main = await new Redis(await freePort()).start();
    replica = await new Redis(await freePort(), main.port).start();
    main.cli("SET", "k", "v");
    await eventually("the replica to have the key", () => replica.cli("GET", "k").trim() === "v");
  });
  afterEach(async () => {
    await api?.server.stop();
    await replica.stop();
    await main.stop();
  });

  it("recovers once the file contains the new password, because each new connection reads the file", async () => {
    const file = join(mkdtempSync(join(tmpdir(), "api-")), "password");
    writeFileSync(file, PASSWORD);
    const env = { REDIS_PASSWORD_FILE: file };
    const reached = (api = await startApi(main.url, replica.url, env));
    const write = () => reached.fetch("/item", json("POST", { id: "w", val: "1" }));
    const both = async () => (await write()).status === 200 && (await reached.fetch("/item?id=k")).status === 200;
    await eventually("the API to work", both);
    for (const redis of [main, replica]) {
      redis.cli("ACL", "SETUSER", "default", ">another", `<${PASSWORD}`);
      // open connections stay authenticated
      redis.cli("--user", "default", "--pass", "another", "CLIENT", "KILL", "TYPE", "normal");
    }
    await eventually("Redis to reject the API", async () => !(await both()));
    writeFileSync(file, "another");
    await eventually("the API to work again", both);
  });
});
