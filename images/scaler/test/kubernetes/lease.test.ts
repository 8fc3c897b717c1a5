/** Leader election. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { KubernetesClient } from "../../src/kubernetes/client";
import { HOLD_MS, Lease, LEASE_MS } from "../../src/kubernetes/lease";
import { WRITE_MS } from "../../src/kubernetes/scale";
import { eventually, pause } from "../helpers/eventually";
import { FakeApi } from "../helpers/fake-api";

describe("the lease", () => {
  let api: FakeApi;
  const running: { lease: Lease; client: KubernetesClient }[] = [];

  beforeEach(async () => {
    api = await new FakeApi().start();
  });
  afterEach(async () => {
    for (const { lease, client } of running.splice(0)) {
      await lease.stop();
      client.stop();
    }
    await api.stop();
  });
  const start = (identity: string, token = identity, annotations = () => ({})) => {
    const env = api.envOf(token);
    const client = new KubernetesClient({
      server: env["KUBERNETES_API_URL"]!,
      credentialsDir: env["KUBERNETES_CREDENTIALS_DIR"]!,
    });
    const lease = new Lease(client, { namespace: "test", name: "scaler", identity, annotations });
    running.push({ lease, client });
    lease.start();
    return lease;
  };
  const spec = () => api.get("leases", "scaler")!.spec!;
  const held = (lease: Lease) => eventually("the lease to be held", () => lease.isHeld);

  it("ends early enough for its holder that a write has ended before another process may start", () => {
    expect(HOLD_MS + WRITE_MS).toBeLessThanOrEqual(LEASE_MS);
  });

  it("is created, renewed and given up", async () => {
    const lease = start("a");
    await held(lease);
    expect(spec()).toEqual({
      holderIdentity: "a",
      leaseDurationSeconds: 5,
      acquireTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/) as string,
      renewTime: expect.stringMatching(/\.\d{6}Z$/) as string,
      leaseTransitions: 0,
    });
    const { acquireTime, renewTime } = spec();
    await eventually("a renewal", () => spec()["renewTime"] !== renewTime);
    expect(spec()["acquireTime"]).toBe(acquireTime);
    await lease.stop();
    expect(lease.isHeld).toBe(false);
    expect(spec()["holderIdentity"]).toBe("");
  });

  it("carries its holder's annotations as of the last renewal, and keeps those of others", async () => {
    let pods = 1;
    const lease = start("a", "a", () => ({ pods: String(pods) }));
    await held(lease);
    const annotations = () => api.get("leases", "scaler")!.metadata.annotations;
    expect(annotations()).toEqual({ pods: "1" });
    const object = api.get("leases", "scaler")!;
    api.put("leases", { ...object, metadata: { ...object.metadata, annotations: { pods: "1", other: "kept" } } });
    pods = 2;
    await eventually("a renewal", () => annotations()?.["pods"] === "2");
    expect(annotations()).toEqual({ pods: "2", other: "kept" });
  });

  it("is held by one of two processes, and the other takes over as soon as it is given up", async () => {
    const first = start("a");
    await held(first);
    const second = start("b");
    await pause(LEASE_MS + 1500);
    expect(second.isHeld).toBe(false);
    await first.stop();
    await held(second);
    expect(spec()).toMatchObject({ holderIdentity: "b", leaseTransitions: 1 });
  });

  it("is taken immediately by a process with the same name, as after a container restart", async () => {
    api.put("leases", {
      metadata: { name: "scaler" },
      spec: { holderIdentity: "a", leaseDurationSeconds: 5, renewTime: new Date().toISOString(), leaseTransitions: 3 },
    });
    await held(start("a"));
    expect(api.requests("GET", "/leases/scaler")).toHaveLength(1);
    expect(spec()["leaseTransitions"]).toBe(3);
  });

  it("expires by the local clock, however old the time in the lease is", async () => {
    api.put("leases", {
      metadata: { name: "scaler" },
      spec: { holderIdentity: "a", leaseDurationSeconds: 5, renewTime: "2001-01-01T00:00:00.000000Z" },
    });
    const begin = performance.now();
    await held(start("b"));
    expect(performance.now() - begin).toBeGreaterThanOrEqual(LEASE_MS);
  });

  it("lasts as long as its holder specifies, if that is longer", async () => {
    api.put("leases", { metadata: { name: "scaler" }, spec: { holderIdentity: "a", leaseDurationSeconds: 60 } });
    const lease = start("b");
    await pause(LEASE_MS + 1500);
    expect(lease.isHeld).toBe(false);
  });

  it("is never held by two processes while one of them is cut off", async () => {
    const first = start("a");
    await held(first);
    const second = start("b");
    await pause(500);
    api.refuse = (_, __, token) => (token === "Bearer a" ? 503 : undefined);
    let both = 0;
    let lostAt = Infinity;
    await eventually("the other to take over", () => {
      if (!first.isHeld) lostAt = Math.min(lostAt, performance.now());
      if (first.isHeld && second.isHeld) both++;
      return second.isHeld;
    });
    expect(both).toBe(0);
    expect(lostAt).toBeLessThan(performance.now());
    api.refuse = () => undefined;
    await pause(2500);
    expect([first.isHeld, second.isHeld]).toEqual([false, true]);
  });

  it("is still held after an answer was lost, because the renewal itself arrived", async () => {
    const lease = start("a");
    await held(lease);
    const lost = api.get("leases", "scaler")!;
    // as if the last renewal had been written, but its answer with the new version had been lost
    api.put("leases", { ...lost, spec: { ...lost.spec, renewTime: "2026-01-01T00:00:00.000000Z" } });
    for (let i = 0; i < 60; i++) {
      await pause(50);
      expect(lease.isHeld).toBe(true);
    }
  });

  it("is no longer held as soon as a renewal reveals another holder", async () => {
    const lease = start("a");
    await held(lease);
    const taken = api.get("leases", "scaler")!;
    api.put("leases", { ...taken, spec: { ...taken.spec, holderIdentity: "b" } });
    const begin = api.requests("PUT", "/leases/scaler").length;
    await eventually("the next renewal", () => api.requests("PUT", "/leases/scaler").length > begin);
    await eventually("the lease to be lost", () => !lease.isHeld, HOLD_MS - 500);
  });

  it("is recreated if it is deleted", async () => {
    const lease = start("a");
    await held(lease);
    api.remove("leases", "scaler");
    await eventually("a new lease", () => api.get("leases", "scaler") !== undefined);
    expect(lease.isHeld).toBe(true);
  });
});
