/** Decisions for one workload. */
import { describe, expect, it } from "vitest";
import { Decider } from "../../src/decision/decider";
import { FlappingGuard } from "../../src/decision/flapping";
import { CONFIG, Driven } from "../helpers/decider";

describe("scale-out", () => {
  it("requires two readings, and uses the lower one", () => {
    const driven = new Driven(2);
    driven.run(5, { signals: [2] });
    expect(driven.tick({ signals: [5] }).wanted).toBe(2);
    expect(driven.tick({ signals: [4] }).wanted).toBe(4);
  });

  it("does not respond to a single wrong reading", () => {
    const driven = new Driven(2);
    driven.run(5, { signals: [2] });
    driven.tick({ signals: [20] });
    driven.run(5, { signals: [2] });
    expect(driven.changes).toEqual([]);
  });

  it("does not accept a second reading that comes long after the first", () => {
    const driven = new Driven(2);
    driven.tick({ signals: [5] });
    driven.now += 1500;
    expect(driven.tick({ signals: [5] }).wanted).toBe(2);
    expect(driven.tick({ signals: [5] }).wanted).toBe(5);
  });

  it("at most adds four pods or doubles the count within 15 s", () => {
    const driven = new Driven(2);
    driven.run(10, { signals: [20] });
    expect(driven.present).toBe(6);
    driven.run(15, { signals: [20] });
    expect(driven.present).toBe(12);
    driven.run(15, { signals: [20] });
    expect(driven.present).toBe(20);
  });

  it("uses the highest signal", () => {
    const driven = new Driven(2);
    driven.run(2, { signals: [1, 4, 3] });
    expect(driven.present).toBe(4);
  });

  it("continues while another signal is missing", () => {
    const driven = new Driven(2);
    driven.run(2, { signals: [undefined, 4] });
    expect(driven.present).toBe(4);
    expect(driven.last!.hold).toBe("signal-missing");
  });

  it("continues while CPU is unknown", () => {
    const driven = new Driven(2);
    driven.run(2, { signals: [4], cpu: undefined });
    expect(driven.present).toBe(4);
  });

  it("stops at the upper bound, and follows a raised lower bound", () => {
    const driven = new Driven(2);
    driven.run(60, { signals: [20], max: 7 });
    expect(driven.present).toBe(7);
    const raised = new Driven(2);
    raised.run(2, { signals: [1], min: 5 });
    expect(raised.present).toBe(5);
  });

  it("does not add the pods that only CPU requires, because the HorizontalPodAutoscaler adds them", () => {
    const driven = new Driven(2);
    driven.run(20, { signals: [2], cpu: 8 });
    expect(driven.changes).toEqual([]);
  });
});

describe("scale-in", () => {
  it("waits for a whole window after the start, whatever the gauges report", () => {
    const driven = new Driven(6);
    driven.run(119, { signals: [2] });
    expect(driven.present).toBe(6);
    driven.run(3, { signals: [2] });
    expect(driven.present).toBe(3);
  });

  it("uses the highest recommendation in the window", () => {
    const driven = new Driven(6);
    driven.run(200, { signals: [6] });
    driven.run(60, { signals: [2] });
    driven.run(1, { signals: [4] });
    driven.run(119, { signals: [2] });
    expect(driven.present).toBe(4);
    driven.run(3, { signals: [2] });
    expect(driven.present).toBe(2);
  });

  it("removes at most half of the pods per minute", () => {
    const driven = new Driven(16);
    driven.run(125, { signals: [1] });
    expect(driven.present).toBe(8);
    driven.run(60, { signals: [1] });
    expect(driven.present).toBe(4);
    driven.run(120, { signals: [1] });
    expect(driven.present).toBe(1);
  });

  it("never goes below the lower bound, or below what CPU has required within the window", () => {
    const bounded = new Driven(6);
    bounded.run(600, { signals: [1], min: 3 });
    expect(bounded.present).toBe(3);
    const busy = new Driven(6);
    busy.run(600, { signals: [1], cpu: 5 });
    expect(busy.present).toBe(5);
    busy.run(100, { signals: [1], cpu: 1 });
    expect(busy.present).toBe(5);
  });

  it.each<[string, object, string]>([
    ["a signal is missing", { signals: [1, undefined] }, "signal-missing"],
    ["CPU is unknown", { signals: [1], cpu: undefined }, "cpu-unknown"],
    ["there are no gauges", { signals: [undefined] }, "no-gauges"],
  ])("does not happen while %s, nor for a whole window after that", (_, seen, hold) => {
    const driven = new Driven(6);
    driven.run(600, seen);
    expect(driven.changes).toEqual([]);
    expect(driven.last!.hold).toBe(hold);
    driven.run(118, { signals: [1] });
    expect(driven.changes).toEqual([]);
    driven.run(5, { signals: [1] });
    expect(driven.present).toBe(3);
  });

  it("waits for a whole window after a signal required more pods, even if another was missing then", () => {
    const driven = new Driven(4);
    driven.run(200, { signals: [4, 4], max: 4 });
    driven.run(10, { signals: [undefined, 8], max: 4 });
    driven.run(118, { signals: [1, 1], max: 4 });
    expect(driven.present).toBe(4);
  });

  it("is not delayed by figures that are missing briefly", () => {
    const driven = new Driven(6);
    for (let i = 0; i < 12; i++) {
      driven.run(9, { signals: [2] });
      driven.run(1, { signals: [undefined] });
    }
    driven.run(5, { signals: [2] });
    expect(driven.present).toBe(3);
  });

  it("leaves a count above the upper bound to the HorizontalPodAutoscaler", () => {
    const driven = new Driven(12);
    driven.run(600, { signals: [12], max: 10 });
    expect(driven.changes).toEqual([]);
  });

  it("waits for another whole window after a restart", () => {
    const driven = new Driven(6);
    driven.run(100, { signals: [2] });
    driven.restart();
    driven.run(119, { signals: [2] });
    expect(driven.changes).toEqual([]);
  });
});

describe("a count that another program or a person changes", () => {
  it("is used as the present count from then on", () => {
    const driven = new Driven(4);
    driven.run(10, { signals: [4] });
    driven.present = 2;
    driven.run(2, { signals: [4] });
    expect(driven.present).toBe(4);
  });

  it("is kept for a whole window if it was raised", () => {
    const driven = new Driven(2);
    driven.run(300, { signals: [2] });
    driven.present = 8;
    driven.run(119, { signals: [2] });
    expect(driven.present).toBe(8);
    driven.run(5, { signals: [2] });
    expect(driven.present).toBe(4);
  });
});

describe("flapping", () => {
  const flapping = () => {
    const guard = new FlappingGuard({ turns: 2, withinMs: 600_000, pauseMs: 600_000 });
    const driven = new Driven(2, new Decider({ ...CONFIG, scaleDownWindowSeconds: 10 }, guard));
    for (let i = 0; i < 2; i++) {
      driven.run(30, { signals: [4] });
      driven.run(90, { signals: [1] });
    }
    return driven;
  };

  it("pauses scale-in, which is reported", () => {
    const driven = flapping();
    driven.run(30, { signals: [4] });
    expect(driven.last!.hold).toBe("flapping");
    const { present } = driven;
    driven.run(500, { signals: [1] });
    expect(driven.present).toBe(present);
    driven.run(200, { signals: [1] });
    expect(driven.present).toBe(1);
  });

  it("does not pause scale-out, but limits it to one write per 15 s", () => {
    const driven = flapping();
    driven.run(30, { signals: [4] });
    const begin = driven.now;
    const before = driven.changes.length;
    // another program sets the count back each time
    for (let i = 0; i < 120; i++) {
      driven.tick({ signals: [4] });
      driven.present = 2;
    }
    const writes = driven.changes.slice(before);
    expect(writes.length).toBeGreaterThanOrEqual(3);
    expect(writes.length).toBeLessThanOrEqual(5);
    expect(writes.every(({ to }) => to > 2)).toBe(true);
    expect(driven.now - begin).toBe(60_000);
  });
});
