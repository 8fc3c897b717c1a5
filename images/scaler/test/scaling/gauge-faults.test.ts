/** Wrong and missing figures: they never cause the removal of a pod, and the scaler continues afterwards. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { pause } from "../helpers/eventually";
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

  it("changes nothing while all gauges are missing, and continues afterwards", async () => {
    running.everyPod((pod) => (pod.status = 500));
    cluster.load = 100;
    await running.heldFor("no-gauges");
    await pause(1500);
    expect(cluster.writes).toEqual([]);
    running.everyPod((pod) => (pod.status = 200));
    await running.soon(1);
  });

  it("changes nothing while all pods hang, with one request in flight per pod", async () => {
    running.everyPod((pod) => (pod.isHanging = true));
    await running.heldFor("no-gauges");
    expect(cluster.writes).toEqual([]);
    for (const pod of cluster.pods.values()) expect(pod.mostInFlight).toBe(1);
  });

  it("keeps the last value of a pod that hangs, then counts the pod at the target, so no pod is removed", async () => {
    cluster.pods.get("node-1")!.isHanging = true;
    // the other three alone require ceil(3 × 0.8) = 3 pods; with the fourth at its target, ceil(4 × 0.85) = 4
    cluster.load = 320;
    await pause(5000);
    expect(cluster.writes).toEqual([]);
    expect(performance.now() - running.workload.completeAt!).toBeGreaterThan(1000);
    // the others are still read twice a second
    expect(cluster.pods.get("node-2")!.paths.length).toBeGreaterThan(20);
  });

  it.each<[string, string]>([
    ["not a number", "NaN"],
    ["infinite", "+Inf"],
    ["negative", "-5"],
    ["in another unit", "100000000"],
    ["not in Prometheus' format", "<html>"],
  ])("ignores and counts a gauge that is %s", async (_, value) => {
    running.everyPod((pod) => (pod.text = () => `http_requests_per_second ${value}\n`));
    await running.heldFor("no-gauges");
    await pause(500);
    expect(cluster.writes).toEqual([]);
    expect(running.workload.gauges.rejected.get("http_requests_per_second")).toBeGreaterThan(4);
  });

  it("removes no pods while the HorizontalPodAutoscaler gets no CPU metrics", async () => {
    cluster.setAutoscaler({ active: false });
    cluster.load = 50;
    await running.heldFor("cpu-unknown");
    await pause(2500);
    expect(cluster.writes).toEqual([]);
  });

  it("never goes below the count that CPU requires", async () => {
    cluster.setAutoscaler({ cpu: 40, replicas: 4 });
    cluster.load = 10;
    await running.soon(3);
    await pause(1500);
    expect(cluster.writes).toEqual([3]);
  });

  it("changes nothing without its HorizontalPodAutoscaler", async () => {
    cluster.api.remove("horizontalpodautoscalers", "node");
    cluster.load = 10;
    await running.heldFor("no-autoscaler");
    await pause(1500);
    expect(cluster.writes).toEqual([]);
  });
});
