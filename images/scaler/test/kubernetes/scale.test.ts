/** Writes a count. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { KubernetesClient } from "../../src/kubernetes/client";
import { writeScale } from "../../src/kubernetes/scale";
import { FakeApi } from "../helpers/fake-api";

describe("a write of the count", () => {
  let api: FakeApi;
  let client: KubernetesClient;
  let mayWrite: () => boolean;
  const replicas = () => api.get("deployments", "node")!.spec!["replicas"];
  const put = (count: number) => api.put("deployments", { metadata: { name: "node" }, spec: { replicas: count } });

  beforeEach(async () => {
    api = await new FakeApi().start();
    const { KUBERNETES_API_URL: server, KUBERNETES_CREDENTIALS_DIR: credentialsDir } = api.env;
    client = new KubernetesClient({ server: server!, credentialsDir: credentialsDir! });
    mayWrite = () => true;
    put(2);
  });
  afterEach(async () => {
    client.stop();
    await api.stop();
  });
  const write = (resourceVersion = api.get("deployments", "node")!.metadata.resourceVersion!) =>
    writeScale(client, {
      namespace: "test",
      workload: "node",
      from: 2,
      to: 5,
      resourceVersion,
      mayWrite: () => mayWrite(),
    });

  it("changes only the count", async () => {
    expect(await write()).toMatchObject({ outcome: "written", scale: { spec: { replicas: 5 } } });
    expect(replicas()).toBe(5);
  });

  it("is repeated with the current version if anything but the count has changed", async () => {
    expect((await write("1")).outcome).toBe("written");
    expect(replicas()).toBe(5);
  });

  it("is dropped if the count has changed", async () => {
    put(3);
    expect(await write("1")).toMatchObject({ outcome: "changed", scale: { spec: { replicas: 3 } } });
    expect(replicas()).toBe(3);
  });

  it("is not sent by a process that does not lead, and not repeated if the lead is lost in the meantime", async () => {
    mayWrite = () => false;
    expect(await write()).toEqual({ outcome: "refused" });
    expect(api.seen).toEqual([]);
    let queries = 0;
    mayWrite = () => queries++ === 0;
    expect(await write("1")).toEqual({ outcome: "refused" });
    expect(replicas()).toBe(2);
    expect(api.requests("PATCH", "/scale")).toHaveLength(1);
  });

  it("fails if other writes are always faster, or if it is not permitted", async () => {
    api.beforePatch = () => void put(2);
    await expect(write()).rejects.toThrow("answered 409");
    api.refuse = () => 403;
    await expect(write()).rejects.toThrow("answered 403");
  });

  it("times out before another scaler may start if there is no answer", async () => {
    api.isHanging = true;
    const begin = performance.now();
    await expect(write()).rejects.toThrow("no answer");
    expect(performance.now() - begin).toBeGreaterThan(1400);
  });
});
