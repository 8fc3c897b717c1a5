/** `npm run load`: what shapes there are, what k6 is told, and what is made of what it tells. */
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { PROJECT_ROOT } from "../../../catalog/paths";
import { BOUNDS, k6Script, parseCounts, parseStatus, virtualUsers } from "../../../scripts/load/k6";
import { rateAt, PROFILES, shapeOf, stages, type Shape } from "../../../scripts/load/profile";
import { between, quantile, type Load, type Sample } from "../../../scripts/load/samples";

const shape = (profile: Shape["profile"], seconds = 120): Shape => ({ profile, rate: 400, base: 40, seconds });

describe("a shape", () => {
  it.each(PROFILES)("%s lasts as long as was asked, within its bounds, and reaches both", (profile) => {
    for (const seconds of [10, 60, 61, 1800]) {
      const s = shape(profile, seconds);
      expect(stages(s).reduce((sum, stage) => sum + stage.seconds, 0)).toBe(seconds);
      for (const stage of stages(s)) {
        expect(stage.seconds).toBeGreaterThanOrEqual(0);
        expect(stage.target).toBeGreaterThanOrEqual(40);
        expect(stage.target).toBeLessThanOrEqual(400);
      }
      const targets = stages(s).map((stage) => stage.target);
      expect(Math.max(...targets)).toBe(400);
    }
  });
  it("steps at once", () => {
    expect([0, 11, 13, 119].map((second) => rateAt(shape("step"), second))).toEqual([40, 40, 400, 400]);
  });
  it("ramps evenly, up and down", () => {
    expect([0, 30, 60, 90, 120].map((second) => rateAt(shape("ramp"), second))).toEqual([40, 220, 400, 220, 40]);
  });
  it("spikes for a tenth of the time", () => {
    const high = Array.from({ length: 120 }, (_, s) => rateAt(shape("spike"), s)).filter((rate) => rate === 400);
    expect(high).toHaveLength(12);
  });
  it("waves twice, and ends low", () => {
    const rates = [0, 30, 60, 90, 120].map((second) => rateAt(shape("sine"), second));
    expect(rates).toEqual([40, 400, 40, 400, 40]);
  });
});

describe("what was typed", () => {
  const typed = { profile: "step", rate: "200", duration: "3m" };
  it("becomes a shape; base is a tenth unless it is named", () => {
    expect(shapeOf(typed, 2000)).toEqual({ profile: "step", rate: 200, base: 20, seconds: 180 });
    expect(shapeOf({ ...typed, base: "50", duration: "90" }, 2000)).toMatchObject({ base: 50, seconds: 90 });
  });
  it.each([
    [{ rate: "3000" }, /--rate is 3000 .*bound of 2000/],
    [{ rate: "1.5" }, /--rate is "1.5", expected a whole number/],
    [{ rate: "-5" }, /whole number/],
    [{ base: "300" }, /--base is 300, above --rate \(200\)/],
    [{ duration: "2h" }, /--duration is 2h, expected 10 s to 60 minutes/],
    [{ duration: "5" }, /expected 10 s/],
    [{ duration: "soon" }, /--duration is "soon"/],
    [{ profile: "square" }, /one of step, ramp, spike, sine/],
  ])("is refused: %j", (over, reason) => {
    expect(() => shapeOf({ ...typed, ...over }, 2000)).toThrow(reason);
  });
  it("beyond the bound names the key that raises it", () => {
    expect(() => shapeOf({ ...typed, rate: "9999" }, 2000)).toThrow(
      expect.objectContaining({ next: expect.stringContaining("load.maxRate") }),
    );
  });
});

describe("k6", () => {
  const script = k6Script({ shape: shape("step"), target: "http://react.ns.svc:8080/api/item", writes: 10 });
  it("is told to start requests by the clock, with a bound on those in work", () => {
    expect(script).toContain('executor: "ramping-arrival-rate"');
    expect(script).toContain("startRate: 40");
    expect(script).toContain('{"target":400,"duration":"0s"}');
    expect(virtualUsers(shape("step"))).toBe(200);
    expect(virtualUsers({ ...shape("step"), rate: 1_000_000 })).toBe(1000);
  });
  it("gets a target as text, whatever is in it", () => {
    const hostile = k6Script({ shape: shape("step"), target: 'http://x/"; alert(1); "', writes: 0 });
    expect(hostile).toContain(String.raw`const target = "http://x/\"; alert(1); \"";`);
  });
  const metrics = (counters: Record<string, number>) =>
    JSON.stringify({
      data: Object.entries(counters).map(([id, count]) => ({ type: "metrics", id, attributes: { sample: { count } } })),
    });
  it("tells counters; those that never counted are zero", () => {
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

describe("latency", () => {
  const buckets = (counts: Record<number, number>) => [
    ...BOUNDS.map((bound) => counts[bound] ?? 0),
    counts[Infinity] ?? 0,
  ];
  it("is read from the bucket, by proportion", () => {
    expect(quantile(buckets({ 10: 100 }), 0.5)).toBe(8.5);
    expect(quantile(buckets({ 5: 50, 100: 50 }), 0.5)).toBe(5);
    expect(quantile(buckets({ 5: 50, 100: 50 }), 0.99)).toBeCloseTo(70 + 30 * 0.98);
  });
  it("beyond the last bound is at least that, and of nothing is nothing", () => {
    expect(quantile(buckets({ [Infinity]: 5 }), 0.5)).toBe(10_000);
    expect(quantile(buckets({}), 0.5)).toBeNull();
  });
  it("of a second is of that second alone", () => {
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

describe("the picture", () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-load-"));
  afterAll(() => fs.rmSync(dir, { recursive: true }));
  const sample = (second: number, more: Partial<Sample> = {}): Sample => ({
    second,
    asked: 100,
    answered: 98,
    refused: 0,
    failed: 0,
    dropped: 0,
    p50: 3,
    p99: 20,
    pods: { node: { ready: 2, wanted: 3 }, react: { ready: 2, wanted: 2 } },
    ...more,
  });
  const drawn = (samples: Sample[]): { svg: string; png: Buffer } => {
    const load: Load = {
      shape: shape("step", 10),
      target: "http://x",
      writes: 10,
      startedAt: "2026-11-22T12:00:00.000Z",
      samples,
      totals: { answered: 980, refused: 0, failed: 0, dropped: 0, buckets: [] },
    };
    const base = path.join(dir, "load");
    fs.writeFileSync(`${base}.json`, JSON.stringify(load));
    const script = path.join(PROJECT_ROOT, "scripts", "drawing", "load.ts");
    execFileSync(process.execPath, ["--import", "tsx", script, `${base}.json`, base], { cwd: PROJECT_ROOT });
    return { svg: fs.readFileSync(`${base}.svg`, "utf8"), png: fs.readFileSync(`${base}.png`) };
  };
  it("shows load, latency and pods; trouble only where there was some", () => {
    const { svg, png } = drawn(Array.from({ length: 10 }, (_, i) => sample(i + 1)));
    for (const text of ["Requests per second", "Latency, ms", "Ready pods", "980 answered", "node", "react"])
      expect(svg).toContain(text);
    expect(svg).not.toContain("refused (503)");
    expect(png.subarray(1, 4).toString()).toBe("PNG");
    // drawn, not blank: text and lines take room
    expect(png.length).toBeGreaterThan(20_000);
    expect(drawn([sample(1, { failed: 3, refused: 2 })]).svg).toMatch(/refused \(503\)[^]*failed/);
  });
});
