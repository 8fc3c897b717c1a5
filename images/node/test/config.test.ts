import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { readConfig } from "../src/config";

it("reads the password from its file, without the line end", () => {
  const dir = mkdtempSync(join(tmpdir(), "api-"));
  writeFileSync(join(dir, "password"), "secret\n");
  expect(readConfig({ REDIS_PASSWORD_FILE: join(dir, "password") }).password).toBe("secret");
  rmSync(dir, { recursive: true });
});

it("reads from main where there are no replicas", () => {
  expect(readConfig({ REDIS_MAIN_URL: "redis://main:6379" }).replicasUrl).toBe("redis://main:6379");
});

it.each([
  [{ PORT: "x" }, 'PORT is "x", expected a whole number above 0'],
  [{ REDIS_MAIN_URL: "main:6379" }, 'REDIS_MAIN_URL is "main:6379", expected redis://host:port'],
  [{ REDIS_PASSWORD_FILE: "/nowhere" }, "no such file"],
])("refuses %j with a sentence", (env, message) => {
  expect(() => readConfig(env)).toThrow(message);
});
