/** Kubernetes API faults: they never cause the removal of a pod, and the scaler continues once they are over. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventually, pause } from "../helpers/eventually";
import type { FakeCluster } from "../helpers/fake-cluster";
import { Running } from "../helpers/running";

describe("the scaler", () => {
  let running: Running;
  let cluster: FakeCluster;
  beforeEach(async () => {
    running = await new Running().start();
    ({ cluster } = running);
  });
  afterEach(() => running.stop());

  it("reads the count again after a conflict, and writes if it is still the same", async () => {
    // a rollout changes the Deployment's status all the time
    let conflicts = 0;
    cluster.api.beforePatch = () => {
      const deployment = cluster.api.get("deployments", "node")!;
      if (conflicts++ < 2) cluster.api.put("deployments", { ...deployment, status: { updatedReplicas: conflicts } });
    };
    cluster.load = 600;
    await running.soon(6);
    expect(cluster.writes).toEqual([6]);
    expect(cluster.api.requests("PATCH", "/scale").map(({ status }) => status)).toEqual([409, 409, 200]);
  });

  it("does not overwrite a count if another program was faster to write one", async () => {
    cluster.api.beforePatch = () => {
      cluster.api.beforePatch = () => undefined;
      cluster.replicas = 9;
    };
    cluster.load = 600;
    await running.soon(9);
    await pause(500);
    // 6 was not written: 9 is the present count now, and is kept for the window
    expect(cluster.writes[0]).not.toBe(6);
  });

  it("reports that it lacks permission to write, and writes as soon as it has the permission", async () => {
    cluster.api.refuse = (method, path) => (method === "PATCH" && path.endsWith("/scale") ? 403 : undefined);
    cluster.load = 600;
    await running.heldFor("write-failed");
    cluster.api.refuse = () => undefined;
    await running.soon(6);
    await eventually("the reason to be cleared", () => running.workload.block === undefined);
  });

  it("changes nothing without permission to read the pods", async () => {
    cluster.api.refuse = (_, path) => (path.endsWith("/pods") ? 403 : undefined);
    cluster.api.endWatches("end");
    await running.heldFor("kubernetes");
    expect(running.scaler.notReadyReason).toMatch(/no current data about node/);
    cluster.load = 10;
    await pause(1500);
    expect(cluster.writes).toEqual([]);
    cluster.api.refuse = () => undefined;
    await running.soon(1);
  });

  it.each(["end", "destroy", "gone"] as const)("detects new pods after its watches were cut (%s)", async (how) => {
    await eventually("the watches", () => cluster.api.watching === 3);
    cluster.api.endWatches(how);
    cluster.load = 700;
    await running.soon(7);
    await eventually("all pods to be read", () => [...cluster.pods.values()].every((pod) => pod.paths.length > 2));
  });

  it("writes nothing while the API server is unavailable for ten seconds, and continues afterwards", async () => {
    await cluster.api.leave();
    cluster.load = 700;
    await pause(4000);
    expect(running.scaler.isLeader).toBe(false);
    expect(running.scaler.hanging).toBeUndefined();
    await pause(6000);
    expect(cluster.writes).toEqual([]);
    await cluster.api.start();
    await running.soon(7);
    expect(cluster.writes).toEqual([7]);
  });

  it("stops leading while the API server hangs, and continues once it answers", async () => {
    cluster.api.isHanging = true;
    await eventually("the end of its lead", () => !running.scaler.isLeader);
    cluster.load = 10;
    await pause(1500);
    expect(cluster.writes).toEqual([]);
    cluster.api.isHanging = false;
    await running.soon(1);
  });
});
