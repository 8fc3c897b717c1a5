/** Faults around the scaler: none of them removes a pod, and it goes on when they are over. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Scaler } from "../../src/scaling/scaler";
import type { WorkloadScaler } from "../../src/scaling/workload";
import { eventually, pause } from "../helpers/eventually";
import { FakeCluster } from "../helpers/fake-cluster";

/** Without a window, so that only the fault keeps pods from being removed. */
const EAGER = { scaleDownWindowSeconds: 1, scaleDown: { percent: 100, pods: 10, periodSeconds: 1 } };

describe("the scaler", () => {
  let cluster: FakeCluster;
  let scaler: Scaler;
  let workload: WorkloadScaler;

  beforeEach(async () => {
    cluster = await new FakeCluster().start(4);
    cluster.load = 400;
    scaler = new Scaler(cluster.config({}, EAGER));
    scaler.start();
    [workload] = scaler.workloads as [WorkloadScaler];
    await eventually("gauges", () => workload.recommended === 4);
  });
  afterEach(async () => {
    await scaler.stop();
    await cluster.stop();
  });
  const soon = (count: number) => eventually(`${count} pods`, () => cluster.replicas === count);
  const heldFor = (reason: string) => eventually(`held: ${reason}`, () => workload.block === reason);
  const everyPod = (change: (pod: { isHanging: boolean; status: number; text: () => string }) => void) =>
    [...cluster.pods.values()].forEach(change);

  it("changes nothing while all gauges are missing, and goes on afterwards", async () => {
    everyPod((pod) => (pod.status = 500));
    cluster.load = 100;
    await heldFor("no-gauges");
    await pause(1500);
    expect(cluster.writes).toEqual([]);
    everyPod((pod) => (pod.status = 200));
    await soon(1);
  });

  it("changes nothing while all pods hang, with one request in flight per pod", async () => {
    everyPod((pod) => (pod.isHanging = true));
    await heldFor("no-gauges");
    expect(cluster.writes).toEqual([]);
    for (const pod of cluster.pods.values()) expect(pod.mostInFlight).toBe(1);
  });

  it("keeps the last value of a pod that hangs, then counts it at the target: no pod is removed for it", async () => {
    cluster.pods.get("node-1")!.isHanging = true;
    // the three others alone ask for ceil(3 × 0.8) = 3 pods; with the fourth at its target, it is ceil(4 × 0.85) = 4
    cluster.load = 320;
    await pause(5000);
    expect(cluster.writes).toEqual([]);
    expect(performance.now() - workload.completeAt!).toBeGreaterThan(1000);
    // the others are still read twice a second
    expect(cluster.pods.get("node-2")!.paths.length).toBeGreaterThan(20);
  });

  it.each<[string, string]>([
    ["not a number", "NaN"],
    ["infinite", "+Inf"],
    ["negative", "-5"],
    ["of another unit", "100000000"],
    ["no text of Prometheus", "<html>"],
  ])("ignores a gauge that is %s, and counts it", async (_, value) => {
    everyPod((pod) => (pod.text = () => `http_requests_per_second ${value}\n`));
    await heldFor("no-gauges");
    await pause(500);
    expect(cluster.writes).toEqual([]);
    expect(workload.gauges.rejected.get("http_requests_per_second")).toBeGreaterThan(4);
  });

  it("removes nothing while the HorizontalPodAutoscaler gets no CPU", async () => {
    cluster.setAutoscaler({ active: false });
    cluster.load = 50;
    await heldFor("cpu-unknown");
    await pause(2500);
    expect(cluster.writes).toEqual([]);
  });

  it("removes nothing below what CPU asks for", async () => {
    cluster.setAutoscaler({ cpu: 40, replicas: 4 });
    cluster.load = 10;
    await soon(3);
    await pause(1500);
    expect(cluster.writes).toEqual([3]);
  });

  it("changes nothing without its HorizontalPodAutoscaler", async () => {
    cluster.api.remove("horizontalpodautoscalers", "node");
    cluster.load = 10;
    await heldFor("no-autoscaler");
    await pause(1500);
    expect(cluster.writes).toEqual([]);
  });

  it("reads the count again after a conflict, and writes if it is still the same", async () => {
    // a rollout changes the Deployment's status all the time
    let conflicts = 0;
    cluster.api.beforePatch = () => {
      const deployment = cluster.api.get("deployments", "node")!;
      if (conflicts++ < 2) cluster.api.put("deployments", { ...deployment, status: { updatedReplicas: conflicts } });
    };
    cluster.load = 600;
    await soon(6);
    expect(cluster.writes).toEqual([6]);
    expect(cluster.api.requests("PATCH", "/scale").map(({ status }) => status)).toEqual([409, 409, 200]);
  });

  it("does not overwrite a count that someone else was faster to write", async () => {
    cluster.api.beforePatch = () => {
      cluster.api.beforePatch = () => undefined;
      cluster.replicas = 9;
    };
    cluster.load = 600;
    await soon(9);
    await pause(500);
    // no write of 6: 9 is the present count now, and stands for the window
    expect(cluster.writes[0]).not.toBe(6);
  });

  it("reports a missing permission to write once, and writes as soon as it has it", async () => {
    cluster.api.refuse = (method, path) => (method === "PATCH" && path.endsWith("/scale") ? 403 : undefined);
    cluster.load = 600;
    await heldFor("write-failed");
    cluster.api.refuse = () => undefined;
    await soon(6);
    await eventually("no reason any more", () => workload.block === undefined);
  });

  it("changes nothing without a permission to read the pods", async () => {
    cluster.api.refuse = (_, path) => (path.endsWith("/pods") ? 403 : undefined);
    cluster.api.endWatches("end");
    await heldFor("kubernetes");
    expect(scaler.notReadyReason).toMatch(/does not tell about node/);
    cluster.load = 10;
    await pause(1500);
    expect(cluster.writes).toEqual([]);
    cluster.api.refuse = () => undefined;
    await soon(1);
  });

  it.each(["end", "destroy", "gone"] as const)("sees new pods after its watches were cut: %s", async (how) => {
    await eventually("the watches", () => cluster.api.watching === 3);
    cluster.api.endWatches(how);
    cluster.load = 700;
    await soon(7);
    await eventually("all pods to be read", () => [...cluster.pods.values()].every((pod) => pod.paths.length > 2));
  });

  it("writes nothing while the API server is unavailable for ten seconds, and goes on when it is back", async () => {
    await cluster.api.leave();
    cluster.load = 700;
    await pause(4000);
    expect(scaler.isLeader).toBe(false);
    expect(scaler.hanging).toBeUndefined();
    await pause(6000);
    expect(cluster.writes).toEqual([]);
    await cluster.api.start();
    await soon(7);
    expect(cluster.writes).toEqual([7]);
  });

  it("stops leading while the API server hangs, and goes on when it answers", async () => {
    cluster.api.isHanging = true;
    await eventually("the end of its lead", () => !scaler.isLeader);
    cluster.load = 10;
    await pause(1500);
    expect(cluster.writes).toEqual([]);
    cluster.api.isHanging = false;
    await soon(1);
  });
});
