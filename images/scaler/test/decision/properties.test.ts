/** Properties that hold for every load, fault and history. */
import { assert, array, boolean, constantFrom, double, integer, option, property, record } from "fast-check";
import { describe, expect, it } from "vitest";
import { recommend, TOLERANCE } from "../../src/decision/formula";
import { Driven } from "../helpers/decider";
import { random, simulate } from "../helpers/simulation";

/** A period in which nothing changes. */
const stretch = record({
  seconds: integer({ min: 1, max: 200 }),
  signals: array(option(integer({ min: 0, max: 30 }), { nil: undefined }), { minLength: 2, maxLength: 2 }),
  cpu: option(integer({ min: 0, max: 30 }), { nil: undefined }),
  min: integer({ min: 1, max: 5 }),
  max: integer({ min: 5, max: 20 }),
  restart: boolean(),
  manual: option(integer({ min: 1, max: 20 }), { nil: undefined, freq: 8 }),
});

describe("whatever happens", () => {
  it("pods are removed only down to the highest count that complete figures in the window recommended", () => {
    assert(
      property(integer({ min: 1, max: 20 }), array(stretch, { minLength: 1, maxLength: 12 }), (begin, stretches) => {
        const driven = new Driven(begin);
        const history: { at: number; complete: boolean; atLeast: number }[] = [];
        let previous: number | undefined;
        for (const { seconds, restart, manual, ...seen } of stretches) {
          if (restart) {
            driven.restart();
            previous = undefined;
          }
          const isRaised = manual !== undefined && manual > driven.present;
          if (manual !== undefined) driven.present = manual;
          for (let i = 0; i < seconds * 2; i++) {
            const before = driven.changes.length;
            const raised = isRaised && i === 0 && history.length ? driven.present : 0;
            const counts = seen.signals.filter((count) => count !== undefined);
            const highest = counts.length ? Math.max(...counts) : undefined;
            const confirmed = Math.min(highest ?? 0, previous ?? driven.present);
            driven.tick(seen);
            previous = highest;
            const complete = seen.cpu !== undefined && counts.length === seen.signals.length;
            history.push({ at: driven.now, complete, atLeast: Math.max(confirmed, seen.cpu ?? 0, raised) });
            for (const { at, from, to } of driven.changes.slice(before)) {
              if (to > from) {
                expect(to).toBeLessThanOrEqual(seen.max);
              } else {
                const window = history.filter((each) => each.at > at - 120_000);
                expect(complete).toBe(true);
                expect(to).toBeGreaterThanOrEqual(seen.min);
                expect(to).toBeGreaterThanOrEqual(Math.max(...window.filter((w) => w.complete).map((w) => w.atLeast)));
                expect(to).toBeGreaterThanOrEqual(Math.floor(from / 2));
              }
            }
          }
        }
      }),
      { numRuns: 150 },
    );
  });

  it("the count never falls while a signal is missing or CPU is unknown", () => {
    const stuck = constantFrom(
      { signals: [undefined, 1] },
      { cpu: undefined, signals: [1, 1] },
      { signals: [undefined, undefined] },
    );
    assert(
      property(integer({ min: 1, max: 20 }), stuck, integer({ min: 1, max: 900 }), (begin, seen, seconds) => {
        const driven = new Driven(begin);
        driven.run(seconds, seen);
        expect(driven.present).toBe(begin);
      }),
      { numRuns: 50 },
    );
  });

  it("more load never lowers the recommendation, and a missing value never makes a scale-out larger", () => {
    const value = double({ min: 0, max: 1000, noNaN: true });
    const values = array(value, { minLength: 1, maxLength: 10 });
    assert(
      property(values, value, integer({ min: 0, max: 3 }), (all, more, unready) => {
        const present = all.length + unready;
        const count = recommend({ values: all, missing: 0, unready }, 100, present)!;
        const raised = all.map((each, i) => (i === 0 ? each + more : each));
        expect(recommend({ values: raised, missing: 0, unready }, 100, present)).toBeGreaterThanOrEqual(count);
        if (all.length === 1 || count <= present) return;
        const hidden = recommend({ values: all.slice(1), missing: 1, unready }, 100, present)!;
        expect(hidden).toBeLessThanOrEqual(count);
      }),
    );
  });
});

describe("spare pods", () => {
  const values = array(double({ min: 0, max: 1000, noNaN: true }), { minLength: 1, maxLength: 10 });
  const spare = integer({ min: 1, max: 5 });

  it("are added to what the same load requires of as many fewer pods", () => {
    assert(
      property(values, spare, (all, spare) => {
        const sum = all.reduce((total, value) => total + value, 0);
        const present = all.length + spare;
        const shared = Array.from({ length: present }, () => sum / present);
        const without = recommend({ values: all, missing: 0, unready: 0 }, 100, all.length)!;
        expect(recommend({ values: shared, missing: 0, unready: 0 }, 100, present, spare)).toBe(without + spare);
      }),
    );
  });

  it("never make a recommendation lower", () => {
    assert(
      property(
        values,
        integer({ min: 0, max: 3 }),
        integer({ min: 0, max: 3 }),
        spare,
        (all, missing, unready, spare) => {
          const present = all.length + missing + unready;
          const seen = { values: all, missing, unready };
          expect(recommend(seen, 100, present, spare)).toBeGreaterThanOrEqual(recommend(seen, 100, present)!);
        },
      ),
    );
  });

  it("do not make a constant load change the count more than once", () => {
    assert(
      property(
        double({ min: 0.01, max: 15, noNaN: true }),
        integer({ min: 1, max: 20 }),
        spare,
        (pods, begin, spare) => {
          const driven = new Driven(begin);
          const directions = new Set<number>();
          for (let i = 0; i < 2400; i++) {
            const values = Array.from({ length: driven.present }, () => (pods * 100) / driven.present);
            driven.tick({ signals: [recommend({ values, missing: 0, unready: 0 }, 100, driven.present, spare)] });
          }
          for (const { from, to } of driven.changes) directions.add(Math.sign(to - from));
          expect(directions.size).toBeLessThanOrEqual(1);
          expect(driven.present).toBeGreaterThanOrEqual(Math.min(20, Math.ceil(pods * (1 - TOLERANCE)) + spare));
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe("a constant load", () => {
  it("with noise up to the tolerance never reverses the direction of the count", () => {
    assert(
      property(
        integer({ min: 1, max: 10 }),
        double({ min: 0.2, max: 15, noNaN: true }),
        double({ min: 0, max: TOLERANCE, noNaN: true }),
        integer({ min: 1, max: 1e6 }),
        (begin, pods, noise, seed) => {
          const driven = new Driven(begin);
          const next = random(seed);
          const directions = new Set<number>();
          for (let i = 0; i < 2400; i++) {
            const sum = pods * 100 * (1 + noise * (2 * next() - 1));
            const values = Array.from({ length: driven.present }, () => sum / driven.present);
            driven.tick({ signals: [recommend({ values, missing: 0, unready: 0 }, 100, driven.present)] });
          }
          for (const { from, to } of driven.changes) directions.add(Math.sign(to - from));
          expect(directions.size).toBeLessThanOrEqual(1);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("that consists of random requests causes no changes in ten minutes, once the count has settled", () => {
    for (const [pods, ratio] of [
      [2, 0.9],
      [4, 0.8],
      [6, 0.95],
      [6, 0.7],
    ] as const) {
      const changes = simulate({ load: () => pods * ratio * 100, seconds: 900, begin: pods, seed: 7 });
      expect(changes.filter(({ at }) => at > 300)).toEqual([]);
    }
  });
});

describe("next to a HorizontalPodAutoscaler without scale-in", () => {
  /** 150, then 600 for five minutes, then 150 again. */
  const load = (at: number) => (at >= 60 && at < 360 ? 600 : 150);
  const run = (cpuShare: number, seed: number) => simulate({ load, seconds: 900, begin: 2, seed, cpuShare });

  it.each([
    ["CPU requires fewer pods than the gauges", 0.6, 6],
    ["CPU requires the same number", 1, 6],
    ["CPU requires more", 1.5, 9],
  ])("the count rises once and falls once if %s", (_, cpuShare, most) => {
    for (let seed = 1; seed <= 10; seed++) {
      const changes = run(cpuShare, seed);
      const counts = [2, ...changes.map(({ to }) => to)];
      const peak = counts.indexOf(Math.max(...counts));
      expect(counts.slice(0, peak + 1)).toEqual([...counts.slice(0, peak + 1)].sort((a, b) => a - b));
      expect(counts.slice(peak)).toEqual([...counts.slice(peak)].sort((a, b) => b - a));
      expect(counts[peak]! - most).toBeGreaterThanOrEqual(0);
      expect(counts[peak]! - most).toBeLessThanOrEqual(1);
      const { at } = changes[peak]!;
      expect(at).toBeGreaterThan(360 + 118);
      expect(at).toBeLessThan(360 + 120 + 40);
      expect(counts.at(-1)! - Math.ceil(1.5 * Math.max(1, cpuShare))).toBeLessThanOrEqual(1);
    }
  });

  it("only the HorizontalPodAutoscaler adds pods for CPU", () => {
    const by = new Set(run(1.5, 1).flatMap(({ to, by: who }) => (to > 7 ? [who] : [])));
    expect(by).toEqual(new Set(["autoscaler"]));
    expect(run(0.6, 1).every(({ by: who }) => who === "scaler")).toBe(true);
  });
});

describe("a load step", () => {
  const reaction = (confirm: "not" | "soon" | "tick", to: number) => {
    const runs = Array.from({ length: 40 }, (_, seed) => {
      const changes = simulate({ load: (at) => (at < 20 ? 150 : to), seconds: 40, begin: 2, seed, confirm });
      const after = changes.filter(({ at }) => at >= 20);
      return { first: after[0]!.at - 20, highest: Math.max(...after.map((change) => change.to)) };
    });
    const first = runs.map((run) => run.first).sort((a, b) => a - b);
    return { median: first[20]!, highest: Math.max(...runs.map((run) => run.highest)) };
  };

  it("causes a reaction within a second, with at most one excess pod", () => {
    const { median, highest } = reaction("soon", 600);
    expect(median).toBeLessThan(1);
    expect(highest).toBeLessThanOrEqual(7);
  });

  it("takes 0.15 s for the second reading, whereas waiting for the next tick would take 0.5 s", () => {
    const [not, soon, tick] = (["not", "soon", "tick"] as const).map((confirm) => reaction(confirm, 600).median);
    expect(soon! - not!).toBeCloseTo(0.15, 1);
    expect(tick! - not!).toBeCloseTo(0.5, 1);
  });
});
