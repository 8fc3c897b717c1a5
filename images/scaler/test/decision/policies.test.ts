/** The rate limits, the window and the flapping guard. */
import { describe, expect, it } from "vitest";
import { FlappingGuard } from "../../src/decision/flapping";
import { highestAllowed, lowestAllowed, ScaleEvents } from "../../src/decision/policies";
import { Window } from "../../src/decision/window";

const events = (...all: [at: number, change: number][]) => {
  const found = new ScaleEvents(60_000);
  for (const [at, change] of all) found.add(at, change);
  return found;
};

describe("the highest count that is allowed", () => {
  const policy = { percent: 100, pods: 4, periodSeconds: 15 };
  it.each<[string, number, ScaleEvents, number]>([
    ["is four more for a small count", 2, events(), 6],
    ["is twice the count for a large count", 10, events(), 20],
    ["is based on the count at the start of the period: 2, before 4 were added", 6, events([10_000, 4]), 6],
    ["does not fall below the present count", 9, events([10_000, 7]), 9],
    ["ignores changes that are older than the period", 6, events([4_999, 4]), 12],
    ["includes the pods that were removed within the period", 5, events([10_000, -5]), 20],
  ])("%s", (_, present, changes, expected) => {
    expect(highestAllowed(present, changes, policy, 20_000)).toBe(expected);
  });
  it("is rounded up, so that a small share still allows one more pod", () => {
    expect(highestAllowed(3, events(), { percent: 10, pods: 1, periodSeconds: 15 }, 0)).toBe(4);
    expect(highestAllowed(20, events(), { percent: 10, pods: 1, periodSeconds: 15 }, 0)).toBe(22);
  });
});

describe("the lowest count that is allowed", () => {
  const policy = { percent: 50, pods: 1, periodSeconds: 60 };
  it.each<[string, number, ScaleEvents, number]>([
    ["is half the count", 10, events(), 5],
    ["is rounded down, as in Kubernetes", 5, events(), 2],
    ["is one less for a count of two", 2, events(), 1],
    ["is based on the count at the start of the period: 10, before 5 were removed", 5, events([1000, -5]), 5],
    ["does not rise above the present count", 4, events([1000, -6]), 4],
  ])("%s", (_, present, changes, expected) => {
    expect(lowestAllowed(present, changes, policy, 20_000)).toBe(expected);
  });
  it("allows another halving after a period", () => {
    expect(lowestAllowed(5, events([1000, -5]), policy, 61_000)).toBe(2);
  });
});

describe("the window", () => {
  it("returns the highest count of its period", () => {
    const window = new Window(10_000);
    window.add(0, 3);
    window.add(1000, 7);
    window.add(2000, 5);
    window.add(3000, 2);
    expect(window.highest(3000)).toBe(7);
    expect(window.highest(10_999)).toBe(7);
    expect(window.highest(11_000)).toBe(5);
    expect(window.highest(12_000)).toBe(2);
    expect(window.highest(13_000)).toBe(0);
  });
  it("returns the highest of all counts that are recent enough", () => {
    const window = new Window(50);
    const all: [number, number][] = [];
    let seed = 1;
    for (let at = 0; at < 2000; at += 7) {
      seed = (seed * 48271) % 2147483647;
      all.push([at, seed % 20]);
      window.add(at, seed % 20);
      const young = all.filter(([then]) => then > at - 50).map(([, count]) => count);
      expect(window.highest(at)).toBe(Math.max(...young));
    }
  });
});

describe("the flapping guard", () => {
  const guard = () => new FlappingGuard({ turns: 2, withinMs: 1000, pauseMs: 500 });
  const observe = (found: FlappingGuard, ...counts: [at: number, count: number][]) => {
    for (const [at, count] of counts) found.observe(at, count);
    return found;
  };
  it("ignores a count that only rises", () => {
    const found = observe(guard(), [0, 1], [10, 2], [20, 5], [30, 9], [40, 10]);
    expect(found.isPaused(40)).toBe(false);
  });
  it("pauses scale-in for its pause time after more turns than allowed", () => {
    const found = observe(guard(), [0, 2], [10, 4], [20, 2], [30, 4]);
    expect(found.isPaused(30)).toBe(false);
    found.observe(40, 2);
    expect(found.isPaused(40)).toBe(true);
    expect(found.isPaused(539)).toBe(true);
    expect(found.isPaused(540)).toBe(false);
  });
  it("forgets old turns", () => {
    const found = observe(guard(), [0, 2], [10, 4], [20, 2], [30, 4], [1100, 2], [1200, 4]);
    expect(found.isPaused(1200)).toBe(false);
  });
  it("ignores a count that stays the same", () => {
    const found = guard();
    for (let at = 0; at < 1000; at += 10) found.observe(at, 3);
    expect(found.isPaused(1000)).toBe(false);
  });
});
