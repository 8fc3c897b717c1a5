import { BOUNDS, k6Script, parseCounts, parseStatus, virtualUsers } from "../../../scripts/load/k6";
import type { Shape } from "../../../scripts/load/profile";

const shape: Shape = { profile: "step", rate: 400, base: 40, seconds: 120 };

describe("k6", () => {
  const script = k6Script({ shape, target: "http://react.ns.svc:8080/api/item", writes: 10 });
  it("starts requests at a constant arrival rate, and limits the requests in flight", () => {
    expect(script).toContain('executor: "ramping-arrival-rate"');
    expect(script).toContain("startRate: 40");
    expect(script).toContain('{"target":400,"duration":"0s"}');
    expect(virtualUsers(shape)).toBe(200);
    expect(virtualUsers({ ...shape, rate: 1_000_000 })).toBe(1000);
  });
  it("gets the target as an escaped string", () => {
    const hostile = k6Script({ shape, target: 'http://x/"; alert(1); "', writes: 0 });
    expect(hostile).toContain(String.raw`const target = "http://x/\"; alert(1); \"";`);
  });
  const metrics = (counters: Record<string, number>) =>
    JSON.stringify({
      data: Object.entries(counters).map(([id, count]) => ({ type: "metrics", id, attributes: { sample: { count } } })),
    });
  it("reports all counters, with zero for those that k6 omits", () => {
    const counts = parseCounts(metrics({ answered: 90, dropped_iterations: 3, within_5: 80, within_more: 10 }));
    expect(counts).toMatchObject({ answered: 90, refused: 0, failed: 0, dropped: 3 });
    expect(counts.buckets).toHaveLength(BOUNDS.length + 1);
    expect(counts.buckets[BOUNDS.indexOf(5)]).toBe(80);
    expect(counts.buckets.at(-1)).toBe(10);
  });
  it.each([
    [3, "starting"],
    [6, "running"],
    [7, "running"],
    [8, "ended"],
    [9, "ended"],
  ])("status %i is %s", (status, state) => {
    expect(parseStatus(JSON.stringify({ data: { attributes: { status } } }))).toBe(state);
  });
});
