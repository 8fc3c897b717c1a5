import { describe, expect, it } from "vitest";
import type { Status } from "../../src/api";
import { type Fleet, FORGET_AFTER_MS, view, withStatuses } from "../../src/live/fleet";

describe("the fleet", () => {
  const status = (
    id: string,
    answered: number,
    reads: Record<string, number> = {},
    more: Partial<Status> = {},
  ): Status => ({
    server: { id, name: `node-${id}`, uptimeSeconds: 30 },
    requests: { answered, inFlight: 0, shed: 0 },
    main: { up: true },
    replicas: Object.entries(reads).map(([name, count]) => ({ name, state: "serving", lagSeconds: 0.1, reads: count })),
    ...more,
  });
  const after = (...rounds: [at: number, statuses: Status[]][]): Fleet =>
    rounds.reduce<Fleet>((fleet, [at, statuses]) => withStatuses(fleet, statuses, at), new Map());

  it("computes rates from the counters of each pod and sums them", () => {
    const fleet = after(
      [0, [status("a", 100, { r0: 10 }), status("b", 5000, { r0: 1000 })]],
      [2000, [status("a", 300, { r0: 110 }), status("b", 5100, { r0: 1050 })]],
    );
    const now = view(fleet, 2000, 0);
    expect(now.pods.map((p) => [p.name, p.perSecond])).toEqual([
      ["node-a", 100],
      ["node-b", 50],
    ]);
    expect(now.perSecond).toBe(150);
    expect(now.replicas).toMatchObject([{ name: "r0", readsPerSecond: 75, state: "serving", lagSeconds: 0.1 }]);
  });

  it("counts the first reads of a new replica in its rate", () => {
    const fleet = after([0, [status("a", 0, { r0: 10 })]], [2000, [status("a", 0, { r0: 10, r1: 50 })]]);
    expect(view(fleet, 2000, 0).replicas).toMatchObject([
      { name: "r0", readsPerSecond: 0 },
      { name: "r1", readsPerSecond: 25 },
    ]);
  });

  it("has no rate after one status response, nor after two at the same time", () => {
    expect(view(after([0, [status("a", 100), status("a", 101)]]), 0, 0).pods[0]!.perSecond).toBeUndefined();
  });

  it("removes a pod that has stopped answering, but not one that answered recently", () => {
    const fleet = after([0, [status("a", 1), status("b", 1)]], [FORGET_AFTER_MS + 1, [status("b", 2)]]);
    expect(view(fleet, FORGET_AFTER_MS + 1, 0).pods.map((p) => p.id)).toEqual(["b"]);
  });

  it("marks pods and replicas as new if they appear later, but not if they were present from the start", () => {
    const fleet = after(
      [0, [status("a", 1, { r0: 1 })]],
      [4000, [status("a", 2, { r0: 2, r1: 0 }), status("b", 1, { r0: 1, r1: 0 })]],
    );
    const now = view(fleet, 4000, 0);
    expect(now.pods.map((p) => [p.id, p.fresh])).toEqual([
      ["a", false],
      ["b", true],
    ]);
    expect(now.replicas.map((r) => [r.name, r.fresh])).toEqual([
      ["r0", false],
      ["r1", true],
    ]);
    expect(view(fleet, 20_000, 0).pods.some((p) => p.fresh)).toBe(false);
  });

  it("reports main as down only if no pod is connected to it", () => {
    const down = { main: { up: false } };
    expect(view(after([0, [status("a", 1, {}, down), status("b", 1)]]), 0, 0).mainUp).toBe(true);
    expect(view(after([0, [status("a", 1, {}, down)]]), 0, 0).mainUp).toBe(false);
    expect(view(new Map(), 0, 0).mainUp).toBeUndefined();
  });
});
