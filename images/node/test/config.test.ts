import { expect, it } from "vitest";
import { readConfig } from "../src/config";

it("has no replicas if none are set, or only main", () => {
  const env = { REDIS_MAIN_URL: "redis://main:6379" };
  expect(readConfig(env).replicas).toEqual([]);
  expect(readConfig({ ...env, REDIS_REPLICAS_URL: "redis://main" }).replicas).toEqual([]);
});

it("accepts one or more replica addresses", () => {
  const replicas = (text: string) => readConfig({ REDIS_REPLICAS_URL: text }).replicas;
  expect(replicas("redis://[fd00::1]:7000")).toEqual([{ host: "fd00::1", port: 7000 }]);
  expect(replicas("redis://a:1, redis://b,")).toEqual([
    { host: "a", port: 1 },
    { host: "b", port: 6379 },
  ]);
  expect(() => replicas("redis://a,b")).toThrow('REDIS_REPLICAS_URL is "b", expected redis://host:port');
});

it("finds the Kubernetes API through the pod's environment variables", () => {
  const env = { REDIS_REPLICAS_WATCH: "shop/redis-replicas", KUBERNETES_SERVICE_HOST: "10.96.0.1" };
  expect(readConfig({ ...env, KUBERNETES_SERVICE_PORT: "6443" }).replicasWatch).toEqual({
    namespace: "shop",
    service: "redis-replicas",
    server: "https://10.96.0.1:6443",
    credentialsDir: "/var/run/secrets/kubernetes.io/serviceaccount",
  });
  expect(readConfig({ ...env, KUBERNETES_SERVICE_HOST: "fd00::1" }).replicasWatch?.server).toBe(
    "https://[fd00::1]:443",
  );
});

it("ignores a setting that no longer exists but is still set by an older deployment", () => {
  expect(readConfig({ REDIS_POOL_COPIES: "2" })).not.toHaveProperty("poolCopies");
});

it.each([
  [{ PORT: "x" }, 'PORT is "x", expected a whole number above 0'],
  [{ REDIS_MAIN_URL: "main:6379" }, 'REDIS_MAIN_URL is "main:6379", expected redis://host:port'],
  [{ REDIS_PASSWORD_FILE: "/nowhere" }, "no such file"],
  [{ REDIS_READ_USER: "reader" }, 'REDIS_READ_USER is "reader", but REDIS_READ_PASSWORD_FILE is not set'],
  [{ REDIS_REPLICAS_DNS: "redis://" }, "expected redis://host:port"],
  [{ REDIS_REPLICAS_WATCH: "replicas" }, 'REDIS_REPLICAS_WATCH is "replicas", expected namespace/service'],
  [
    { REDIS_REPLICAS_WATCH: "a/b" },
    "neither KUBERNETES_API_URL nor KUBERNETES_SERVICE_HOST is: no Kubernetes API to watch",
  ],
  [{ REDIS_SENTINELS: "a:1,b:1" }, 'REDIS_SENTINELS is "a:1,b:1", expected at least 3 different Sentinels'],
  [{ REDIS_SENTINELS: "a:1,b:1,a:1" }, "expected at least 3 different Sentinels"],
  [{ REDIS_SENTINELS: "a:1,b:1,c:1", REDIS_COMMIT_COPIES: "3" }, "REDIS_COMMIT_COPIES is 3, expected at most 2"],
  [{ REDIS_COMMAND_TIMEOUT_MS: "20" }, "REDIS_COMMAND_TIMEOUT_MS is 20, expected at least 100"],
  [
    { REDIS_COMMAND_TIMEOUT_MS: "2000", REDIS_WRITE_PATIENCE_MS: "1000" },
    "REDIS_WRITE_PATIENCE_MS is 1000, expected at least REDIS_COMMAND_TIMEOUT_MS (2000)",
  ],
  [{ REDIS_MAX_LAG_MS: "500" }, "REDIS_MAX_LAG_MS is 500, expected at least REDIS_CHECK_MS (1000)"],
  [{ MAX_IN_FLIGHT: "0" }, 'MAX_IN_FLIGHT is "0", expected a whole number above 0'],
])("rejects %j with the variable and the expected value", (env, message) => {
  expect(() => readConfig(env)).toThrow(message);
});
