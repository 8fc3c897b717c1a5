/** The views of Kubernetes objects. */
import { describe, expect, it } from "vitest";
import { autoscalerView, podView, workloadView } from "../../src/kubernetes/objects";

describe("a pod", () => {
  const pod = (status: object, metadata: object = {}) =>
    podView({
      metadata: { name: "a", uid: "1", ...metadata },
      status: { phase: "Running", podIP: "10.0.0.1", ...status },
    });
  const ready = { conditions: [{ type: "Ready", status: "True" }] };

  it.each<[string, object, object, { ready: boolean; gone: boolean }]>([
    ["that is Ready counts", ready, {}, { ready: true, gone: false }],
    [
      "that is not Ready counts as starting",
      { conditions: [{ type: "Ready", status: "False" }] },
      {},
      { ready: false, gone: false },
    ],
    [
      "whose state is unknown, as on a lost node, is not Ready",
      { conditions: [{ type: "Ready", status: "Unknown" }] },
      {},
      { ready: false, gone: false },
    ],
    ["without conditions counts as starting", {}, {}, { ready: false, gone: false }],
    ["that is pending counts as starting", { phase: "Pending", ...ready }, {}, { ready: false, gone: false }],
    [
      "that is being deleted does not count, even while it is Ready",
      ready,
      { deletionTimestamp: "2026-01-01T00:00:00Z" },
      { ready: true, gone: true },
    ],
    ["that failed, as after an eviction, does not count", { phase: "Failed" }, {}, { ready: false, gone: true }],
    ["that has ended does not count", { phase: "Succeeded" }, {}, { ready: false, gone: true }],
  ])("%s", (_, status, metadata, expected) => {
    expect(pod(status, metadata)).toMatchObject(expected);
  });
  it("has no address until one is assigned", () => {
    expect(podView({ metadata: { name: "a" } })).toEqual({
      uid: "a",
      name: "a",
      ip: undefined,
      ready: false,
      gone: false,
    });
  });
});

describe("a workload", () => {
  it("has the count in its spec, or 0 if the count is left out, as in a Scale", () => {
    expect(workloadView({ metadata: { name: "a", resourceVersion: "7" }, spec: { replicas: 3 } })).toEqual({
      name: "a",
      replicas: 3,
      resourceVersion: "7",
    });
    expect(workloadView({ metadata: { name: "a" }, spec: {} }).replicas).toBe(0);
  });
});

describe("a HorizontalPodAutoscaler", () => {
  const source = (container: string, more: object) => ({
    type: "ContainerResource",
    containerResource: { name: "cpu", container, ...more },
  });
  const target = (container: string, averageUtilization: number) =>
    source(container, { target: { type: "Utilization", averageUtilization } });
  const current = (container: string, averageUtilization: number) =>
    source(container, { current: { averageValue: "60m", averageUtilization } });

  it("has its bounds, and its metrics with their current values, whatever their order in the status", () => {
    const view = autoscalerView({
      metadata: { name: "node" },
      spec: { minReplicas: 2, maxReplicas: 10, metrics: [target("node", 60), target("other", 80)] },
      status: {
        currentReplicas: 4,
        conditions: [{ type: "ScalingActive", status: "True" }],
        currentMetrics: [current("other", 40), current("node", 30)],
      },
    });
    expect(view).toEqual({
      name: "node",
      min: 2,
      max: 10,
      active: true,
      replicas: 4,
      utilizations: [
        { target: 60, current: 30 },
        { target: 80, current: 40 },
      ],
    });
  });

  it("also supports metrics of whole pods", () => {
    const resource = { name: "cpu", target: { averageUtilization: 90 } };
    const view = autoscalerView({
      spec: { maxReplicas: 3, metrics: [{ type: "Resource", resource }] },
      status: { currentMetrics: [{ type: "Resource", resource: { name: "cpu", current: { averageUtilization: 9 } } }] },
    });
    expect(view.utilizations).toEqual([{ target: 90, current: 9 }]);
    expect(view).toMatchObject({ min: 1, max: 3, active: false });
  });

  it("has no value for a metric that is missing from its status, and no entry for a metric of another type", () => {
    const spec = { maxReplicas: 3, metrics: [target("node", 60), { type: "External", external: {} }] };
    expect(autoscalerView({ spec, status: { currentMetrics: null } }).utilizations).toEqual([
      { target: 60 },
      undefined,
    ]);
    expect(autoscalerView({ spec, status: { currentMetrics: [null] } }).utilizations[0]!.current).toBeUndefined();
    expect(autoscalerView({ spec }).utilizations).toHaveLength(2);
  });
});
