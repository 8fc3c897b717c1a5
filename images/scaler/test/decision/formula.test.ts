/**
 * Compares the formula with cases computed by hand from the documented algorithm:
 * kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale, "Algorithm details".
 */
import { describe, expect, it } from "vitest";
import { cpuRecommendation } from "../../src/decision/cpu";
import { recommend } from "../../src/decision/formula";
import type { AutoscalerView } from "../../src/views";

const of = (values: number[], missing = 0, unready = 0) => ({ values, missing, unready });

describe("the recommendation for a signal with target 100", () => {
  it.each<[string, ReturnType<typeof of>, number, number | undefined]>([
    ["twice the target doubles the pods: ceil(2 × 200/100)", of([200, 200]), 2, 4],
    ["half the target halves them: ceil(2 × 50/100)", of([50, 50]), 2, 1],
    ["only the mean counts: 300/2 = 150, ceil(2 × 1.5)", of([300, 0]), 2, 3],
    ["a fraction of a pod counts as a pod: ceil(3 × 1.17 = 3.51)", of([117, 117, 117]), 3, 4],
    ["10 % above the target is within the tolerance", of([110, 110]), 2, 2],
    ["just above 10 % is outside the tolerance: ceil(2 × 1.11)", of([111, 111]), 2, 3],
    ["10 % below the target is within the tolerance", of([90, 90, 90]), 3, 3],
    ["just below the tolerance, rounding up may still keep the count: ceil(3 × 0.89 = 2.67)", of([89, 89, 89]), 3, 3],
    ["66 % of the target reduces three pods to two: ceil(1.98)", of([66, 66, 66]), 3, 2],
    ["zero load yields 0; the lower bound is applied later", of([0, 0]), 2, 0],
    ["missing values alone yield no recommendation", of([], 2), 2, undefined],
    ["no pods yield no recommendation", of([]), 2, undefined],
    ["a missing value counts as 0 for scale-out: (400 + 0)/2 = 200, ceil(2 × 2)", of([400], 1), 2, 4],
    ["a missing value that would reverse the direction changes nothing: (150 + 0)/2 = 75", of([150], 1), 2, 2],
    ["a missing value counts as the target for scale-in: (20 + 20 + 100)/3 = 46.7, ceil(1.4)", of([20, 20], 1), 3, 2],
    ["a missing value may keep the mean within the tolerance: (80 + 100)/2 = 90", of([80], 1), 2, 2],
    ["a missing value changes nothing if the mean is exactly the target", of([100], 1), 2, 2],
    ["a starting pod counts as 0 for scale-out: (200 + 200 + 0)/3 = 133, ceil(3 × 1.33)", of([200, 200], 0, 1), 3, 4],
    [
      "starting pods that suffice keep the count: (200 + 200 + 0 + 0)/4 = 100, within the tolerance",
      of([200, 200], 0, 2),
      4,
      4,
    ],
    ["starting pods that are more than enough do not cause scale-in", of([120], 0, 3), 4, 4],
    ["a starting pod does not count for scale-in: ceil(4 × 0.4)", of([40, 40, 40, 40], 0, 2), 6, 2],
    [
      "a missing value and a starting pod both count as 0 for scale-out: (600 + 0 + 0)/3 = 200, ceil(3 × 2)",
      of([600], 1, 1),
      3,
      6,
    ],
    [
      "a low load adds no pods, even if a rollout runs more than the count: (4 × 85 + 100)/5 = 88, ceil(4.4)",
      of([85, 85, 85, 85], 1),
      4,
      4,
    ],
    ["only the pods that report are counted if none are missing or starting: ceil(1 × 1.5)", of([150], 0, 0), 4, 2],
  ])("%s", (_, readings, present, expected) => {
    expect(recommend(readings, 100, present)).toBe(expected);
  });

  it("does not round up a floating-point error", () => {
    expect((1.05 / 0.7) * 2).toBeGreaterThan(3);
    expect(recommend(of([1.05, 1.05]), 0.7, 2)).toBe(3);
    expect(recommend(of([0.77, 0.77]), 0.7, 2)).toBe(2);
  });
});

describe("the recommendation with one spare pod", () => {
  it.each<[string, ReturnType<typeof of>, number, number | undefined]>([
    ["is one more than the load requires: 200/100 + 1", of([100, 100]), 2, 3],
    ["keeps a count that has one pod more than the load requires: 200/100 + 1", of([66, 67, 67]), 3, 3],
    ["applies the tolerance to the pods that are not spare: 219/2 is within 10 %", of([73, 73, 73]), 3, 3],
    ["and adds a pod outside it: ceil(222/100) + 1", of([74, 74, 74]), 3, 4],
    ["removes a pod if the rest, with one spare, suffices: ceil(196/100) + 1", of([49, 49, 49, 49]), 4, 3],
    ["is the spare pod without any load; the lower bound is applied later", of([0, 0, 0]), 3, 1],
    ["adds the spare pod to a single pod at its target", of([100]), 1, 2],
    ["adds nothing to a single pod without load", of([0]), 1, 1],
    ["counts starting pods: (300 + 0)/(3 − 1) = 150, ceil(2 × 1.5) + 1", of([150, 150], 0, 1), 3, 4],
    ["is satisfied by starting pods that suffice: (300 + 0 + 0)/(4 − 1) = 100", of([150, 150], 0, 2), 4, 4],
    [
      "counts a missing value as the target for scale-in: (60 + 100)/(3 − 1) = 80, ceil(2 × 0.8) + 1",
      of([30, 30], 1),
      3,
      3,
    ],
    ["is unknown if no pod reports", of([], 3), 3, undefined],
  ])("%s", (_, readings, present, expected) => {
    expect(recommend(readings, 100, present, 1)).toBe(expected);
  });
});

describe("the count that CPU requires", () => {
  const view = (current: number | undefined, more: Partial<AutoscalerView> = {}): AutoscalerView => ({
    name: "node",
    min: 2,
    max: 10,
    active: true,
    replicas: 4,
    utilizations: [{ current, target: 60 }],
    ...more,
  });

  it.each<[string, AutoscalerView, number | undefined]>([
    ["doubles at twice the target: ceil(4 × 120/60)", view(120), 8],
    ["is a quarter at a quarter of the target: ceil(4 × 15/60)", view(15), 1],
    ["is the count at the last evaluation if usage is within the tolerance", view(55), 4],
    ["is 0 if no CPU is used", view(0), 0],
    ["is unknown without a value", view(undefined), undefined],
    [
      "is unknown if the autoscaler gets no metrics, although its status still shows the last value",
      view(15, { active: false }),
      undefined,
    ],
    ["is unknown if the autoscaler has no metrics", view(15, { utilizations: [] }), undefined],
    [
      "is unknown if the scaler does not support the type of one of the metrics",
      view(15, { utilizations: [{ current: 15, target: 60 }, undefined] }),
      undefined,
    ],
    [
      "is that of the higher of two metrics: ceil(4 × 90/60)",
      view(15, {
        utilizations: [
          { current: 15, target: 60 },
          { current: 90, target: 60 },
        ],
      }),
      6,
    ],
  ])("%s", (_, autoscaler, expected) => {
    expect(cpuRecommendation(autoscaler)).toBe(expected);
  });

  it.each([
    ["one more at a quarter of the target: ceil(4 × 15/60) + 1", 15, 2],
    ["the count if the other three pods are within the tolerance of the target: 4 × 45/60 = 3", 45, 4],
    ["one more than twice the pods at twice the target", 120, 9],
    ["the spare pod if no CPU is used", 0, 1],
  ])("with one spare pod is %s", (_, current, expected) => {
    expect(cpuRecommendation(view(current), 1)).toBe(expected);
  });
});
