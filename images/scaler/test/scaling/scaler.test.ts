/** The scaler as a whole, in a fake cluster. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Scaler } from "../../src/scaling/scaler";
import { eventually, pause } from "../helpers/eventually";
import { FakeCluster } from "../helpers/fake-cluster";

describe("the scaler", () => {
  let cluster: FakeCluster;
  let scaler: Scaler | undefined;

  beforeEach(async () => {
    cluster = await new FakeCluster().start(2);
  });
  afterEach(async () => {
    await scaler?.stop();
    scaler = undefined;
    await cluster.stop();
  });
  const start = (target: object = {}) => {
    scaler = new Scaler(cluster.config({}, target));
    scaler.start();
    return scaler.workloads[0]!;
  };
  const soon = (count: number) => eventually(`${count} pods`, () => cluster.replicas === count);

  it("adds the pods that the load requires, and removes them once the window has passed", async () => {
    cluster.load = 200;
    const workload = start({ scaleDownWindowSeconds: 3, scaleDown: { percent: 100, pods: 10, periodSeconds: 1 } });
    await eventually("gauges", () => workload.recommended === 2);
    cluster.load = 500;
    await soon(5);
    const at = performance.now();
    cluster.load = 100;
    await soon(1);
    expect(performance.now() - at).toBeGreaterThan(2900);
    // on a busy machine, one reading can contain both old and new values, which adds a step between the two counts
    const [out, ...removals] = cluster.writes;
    expect(out).toBe(5);
    expect(removals).toEqual([...removals].sort((a, b) => b - a));
    await eventually("the answer to the last write", () => workload.decisions.in === removals.length);
    expect(workload.decisions.out).toBe(1);
  });

  it("keeps spare pods within the bounds, in addition to those that the load requires", async () => {
    cluster.setAutoscaler({ max: 6 });
    cluster.load = 200;
    start({ sparePods: 1 });
    await soon(3);
    cluster.load = 400;
    await soon(5);
    cluster.load = 600;
    await soon(6);
    // on a busy machine, one reading can contain both old and new values, which adds a step
    expect(cluster.writes.at(-1)).toBe(6);
    expect(cluster.writes).toEqual([...cluster.writes].sort((a, b) => a - b));
  });

  it("publishes how many of the recommended pods are spare", async () => {
    cluster.load = 200;
    start({ sparePods: 1 });
    await eventually("the published view", () => {
      const view = cluster.api.get("leases", "scaler")?.metadata.annotations?.["iacproject/recommended"];
      return view === JSON.stringify({ node: { pods: 3, spare: 1 } });
    });
  });

  it("writes only the count, with the version that it read", async () => {
    cluster.load = 500;
    start();
    await soon(5);
    const [write] = cluster.api.requests("PATCH", "/scale");
    expect(write!.path).toBe("/apis/apps/v1/namespaces/test/deployments/node/scale?fieldManager=scaler");
    expect(write!.body).toEqual({
      metadata: { resourceVersion: expect.stringMatching(/^\d+$/) as string },
      spec: { replicas: 5 },
    });
    expect(write!.token).toBe("Bearer token-1");
  });

  it("takes the bounds from the HorizontalPodAutoscaler, even if they change", async () => {
    cluster.load = 900;
    cluster.setAutoscaler({ max: 4 });
    start();
    await soon(4);
    await pause(500);
    cluster.setAutoscaler({ max: 6 });
    await soon(6);
    expect(Math.max(...cluster.writes)).toBe(6);
  });

  it("ignores a workload that was set to 0 until it is set to another count", async () => {
    cluster.load = 900;
    cluster.replicas = 0;
    const workload = start();
    await eventually("the workload to be off", () => workload.block === "off");
    await pause(500);
    expect(cluster.writes).toEqual([]);
    cluster.replicas = 1;
    await eventually("pods", () => cluster.replicas > 1);
  });

  it("uses a manually changed count as the present count", async () => {
    cluster.load = 380;
    start();
    await soon(4);
    cluster.replicas = 7;
    await pause(700);
    expect(cluster.replicas).toBe(7);
    cluster.replicas = 3;
    await soon(4);
  });

  it("scales while a rollout is paused, and leaves it paused", async () => {
    const deployment = cluster.api.get("deployments", "node")!;
    cluster.api.put("deployments", { ...deployment, spec: { ...deployment.spec, paused: true } });
    cluster.load = 400;
    start();
    await soon(4);
    expect(cluster.api.get("deployments", "node")!.spec).toEqual({ replicas: 4, paused: true });
  });

  it("writes rarely once another program keeps setting the count back", async () => {
    cluster.load = 400;
    const workload = start({ scaleUp: { percent: 100, pods: 100, periodSeconds: 1 } });
    // the other program
    const timer = setInterval(() => {
      if (cluster.replicas > 2) cluster.replicas = 2;
    }, 50);
    await eventually("flapping to be detected", () => workload.block === "flapping");
    clearInterval(timer);
    const before = cluster.writes.length;
    await pause(2000);
    expect(cluster.writes.length - before).toBeLessThanOrEqual(1);
  });

  it("does not count pods that are being deleted", async () => {
    cluster.load = 200;
    const workload = start();
    await eventually("gauges", () => workload.recommended === 2);
    cluster.setPod("node-2", true, { deletionTimestamp: "2026-01-01T00:00:00Z" });
    cluster.load = 100;
    const before = cluster.pods.get("node-2")!.paths.length;
    await pause(500);
    // it is no longer read
    expect(cluster.pods.get("node-2")!.paths.length).toBeLessThanOrEqual(before + 1);
    expect(cluster.writes).toEqual([]);
  });

  it("reads only the gauges that it needs, over one connection per pod, one request at a time", async () => {
    cluster.load = 200;
    start();
    const pod = cluster.pods.get("node-1")!;
    await eventually("readings", () => pod.paths.length > 10);
    expect(new Set(pod.paths)).toEqual(new Set(["/metrics?name[]=http_requests_per_second"]));
    expect(pod.connections).toBe(1);
    expect(pod.mostInFlight).toBe(1);
  });

  it("counts starting pods, and adds no more pods than the load requires", async () => {
    cluster.startMs = 60_000;
    cluster.load = 400;
    start({ scaleUp: { percent: 1, pods: 1, periodSeconds: 1 } });
    // a load of 400 on two pods requires four in all, including those that are starting
    await soon(4);
    await pause(1500);
    expect(cluster.replicas).toBe(4);
  });

  it("scales several workloads, each on its own signals", async () => {
    cluster.load = 500;
    const other = { workload: "react", selector: "app=react", port: 8080, signals: [{ metric: "x", target: 1 }] };
    const config = cluster.config();
    scaler = new Scaler({ ...config, targets: [...cluster.config({}, other).targets, ...config.targets] });
    scaler.start();
    await soon(5);
    expect(scaler.workloads.map(({ block }) => block)).toEqual(["no-workload", undefined]);
  });
});
