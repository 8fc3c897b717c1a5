/** The cache, which lists and watches objects, and single requests. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Cache } from "../../src/kubernetes/cache";
import { KubernetesClient, StatusError } from "../../src/kubernetes/client";
import { eventually, pause } from "../helpers/eventually";
import { FakeApi } from "../helpers/fake-api";

describe("the cache", () => {
  let api: FakeApi;
  let client: KubernetesClient;
  let cache: Cache<string>;
  const pod = (name: string, app = "node") => api.put("pods", { metadata: { name, labels: { app } } });
  const names = () => [...cache.all].sort().join();

  beforeEach(async () => {
    api = await new FakeApi().start();
    const { KUBERNETES_API_URL: server, KUBERNETES_CREDENTIALS_DIR: credentialsDir } = api.env;
    client = new KubernetesClient({ server: server!, credentialsDir: credentialsDir! });
    cache = new Cache(client, {
      path: "/api/v1/namespaces/test/pods",
      query: { labelSelector: "app=node" },
      view: (raw) => (raw as { metadata: { name: string } }).metadata.name,
    });
  });
  afterEach(async () => {
    cache.stop();
    client.stop();
    await api.stop();
  });

  it("lists objects, then follows each change to those that match the selector", async () => {
    pod("a");
    pod("x", "other");
    expect(cache.staleMs(performance.now())).toBe(Infinity);
    cache.start();
    await eventually("the list", () => names() === "a");
    await eventually("the watch", () => api.watching === 1);
    pod("b");
    pod("y", "other");
    await eventually("b", () => names() === "a,b");
    expect(cache.get("b")).toBe("b");
    api.remove("pods", "a");
    await eventually("a to be removed", () => names() === "b");
    expect(cache.staleMs(performance.now())).toBe(0);
    const [list, watch] = api.seen;
    expect(list!.path).toBe("/api/v1/namespaces/test/pods?labelSelector=app%3Dnode");
    expect(watch!.path).toMatch(/watch=true&allowWatchBookmarks=true&resourceVersion=102&timeoutSeconds=240$/);
  });

  it.each(["end", "destroy", "gone"] as const)("lists again after a watch was cut (%s)", async (how) => {
    pod("a");
    cache.start();
    await eventually("the watch", () => api.watching === 1);
    api.endWatches(how);
    api.remove("pods", "a");
    pod("b");
    await eventually("b", () => names() === "b");
    await eventually("a watch", () => api.watching === 1);
    expect(cache.staleMs(performance.now())).toBe(0);
  });

  it("reports for how long it may have been out of date", async () => {
    pod("a");
    cache.start();
    await eventually("the list", () => names() === "a");
    await api.leave();
    await eventually("the end of the watch", () => cache.staleMs(performance.now()) > 0);
    await pause(300);
    expect(cache.staleMs(performance.now())).toBeGreaterThan(200);
    // it keeps its objects
    expect(names()).toBe("a");
    await api.start();
    await eventually("an open watch", () => cache.staleMs(performance.now()) === 0);
  });

  it("is out of date while its requests are rejected", async () => {
    api.refuse = () => 403;
    cache.start();
    await eventually("two attempts", () => api.seen.length >= 2);
    expect(cache.staleMs(performance.now())).toBe(Infinity);
    api.refuse = () => undefined;
    await eventually("the list", () => cache.staleMs(performance.now()) === 0);
  });

  it("keeps its objects if a watch is rejected as too old, and lists again", async () => {
    let watches = 0;
    pod("a");
    api.refuse = (method, path) => (method === "GET" && path.endsWith("/pods") && watches++ === 1 ? 410 : undefined);
    cache.start();
    await eventually("the watch", () => api.watching === 1);
    expect(names()).toBe("a");
  });

  it("stores an object from the answer to a write, and ignores an older one after that", async () => {
    pod("a");
    cache.start();
    await eventually("the watch", () => api.watching === 1);
    cache.put({ metadata: { name: "b", resourceVersion: "5000" } });
    expect(names()).toBe("a,b");
    // the watch lags behind: it delivers an older version
    pod("b");
    pod("c");
    await eventually("c", () => names() === "a,b,c");
    const versions = new Cache(client, { path: "", query: {}, view: (raw) => raw as { metadata: { n: number } } });
    for (const [resourceVersion, n] of [
      ["7", 1],
      ["6", 2],
      ["8", 3],
      ["x", 4],
    ] as const) {
      versions.put({ metadata: { name: "a", resourceVersion, n } });
      expect(versions.get("a")!.metadata.n).toBe({ 1: 1, 2: 1, 3: 3, 4: 4 }[n]);
    }
  });

  it("opens no more watches once it has been stopped", async () => {
    cache.start();
    cache.stop();
    await pause(300);
    expect(api.watching).toBe(0);
  });
});

describe("a request", () => {
  let api: FakeApi;
  let client: KubernetesClient;
  beforeEach(async () => {
    api = await new FakeApi().start();
    const { KUBERNETES_API_URL: server, KUBERNETES_CREDENTIALS_DIR: credentialsDir } = api.env;
    client = new KubernetesClient({ server: server!, credentialsDir: credentialsDir! });
  });
  afterEach(async () => {
    client.stop();
    await api.stop();
  });

  it("fails with the answer's status", async () => {
    const call = client.call("GET", "/api/v1/namespaces/test/pods/none", { timeoutMs: 1000 });
    await expect(call).rejects.toThrow(new StatusError(404, "the Kubernetes API answered 404"));
  });

  it("fails once its time limit has passed", async () => {
    api.isHanging = true;
    const call = client.call("GET", "/api/v1/namespaces/test/pods", { timeoutMs: 50 });
    await expect(call).rejects.toThrow("no answer within 50 ms");
  });

  it("fails without credentials, and succeeds as soon as they exist", async () => {
    const dir = join(api.dir, "later");
    const late = new KubernetesClient({ server: api.env["KUBERNETES_API_URL"]!, credentialsDir: dir });
    const call = () => late.call("GET", "/api/v1/namespaces/test/pods", { timeoutMs: 1000 });
    await expect(call()).rejects.toThrow(/ENOENT/);
    api.envOf("later");
    writeFileSync(join(dir, "token"), "new\n");
    await call();
    expect(api.seen.at(-1)!.token).toBe("Bearer new");
    late.stop();
  });
});
