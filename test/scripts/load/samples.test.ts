import { BOUNDS } from "../../../scripts/load/k6";
import { between, quantile } from "../../../scripts/load/samples";

describe("latency", () => {
  const buckets = (counts: Record<number, number>) => [
    ...BOUNDS.map((bound) => counts[bound] ?? 0),
    counts[Infinity] ?? 0,
  ];
  it("is interpolated within its bucket", () => {
    expect(quantile(buckets({ 10: 100 }), 0.5)).toBe(8.5);
    expect(quantile(buckets({ 5: 50, 100: 50 }), 0.5)).toBe(5);
    expect(quantile(buckets({ 5: 50, 100: 50 }), 0.99)).toBeCloseTo(70 + 30 * 0.98);
  });
  it("latency is reported as the last bound if it exceeds that bound, and as null without requests", () => {
    expect(quantile(buckets({ [Infinity]: 5 }), 0.5)).toBe(10_000);
    expect(quantile(buckets({}), 0.5)).toBeNull();
  });
  it("for one second ignores earlier seconds", () => {
    const counts = (answered: number, of: Record<number, number>) => ({
      answered,
      refused: 0,
      failed: 0,
      dropped: 0,
      buckets: buckets(of),
    });
    const second = between(counts(100, { 5: 100 }), counts(300, { 5: 100, 500: 200 }), 2);
    expect(second).toMatchObject({ answered: 100, failed: 0 });
    expect(second.p50).toBe(400);
  });
});
