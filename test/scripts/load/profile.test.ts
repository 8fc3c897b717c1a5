import { PROFILES, rateAt, shapeOf, stages, type Shape } from "../../../scripts/load/profile";

const shape = (profile: Shape["profile"], seconds = 120): Shape => ({ profile, rate: 400, base: 40, seconds });

describe("a load profile", () => {
  it.each(PROFILES)("%s has the requested duration, stays within its bounds, and reaches the maximum", (profile) => {
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
  it("step rises at once", () => {
    expect([0, 11, 13, 119].map((second) => rateAt(shape("step"), second))).toEqual([40, 40, 400, 400]);
  });
  it("ramp rises and falls evenly", () => {
    expect([0, 30, 60, 90, 120].map((second) => rateAt(shape("ramp"), second))).toEqual([40, 220, 400, 220, 40]);
  });
  it("spike lasts a tenth of the time", () => {
    const high = Array.from({ length: 120 }, (_, s) => rateAt(shape("spike"), s)).filter((rate) => rate === 400);
    expect(high).toHaveLength(12);
  });
  it("sine has two waves, and ends low", () => {
    const rates = [0, 30, 60, 90, 120].map((second) => rateAt(shape("sine"), second));
    expect(rates).toEqual([40, 400, 40, 400, 40]);
  });
});

describe("the command's options", () => {
  const typed = { profile: "step", rate: "200", duration: "3m" };
  it("the options define a profile, whose base rate defaults to a tenth of the rate", () => {
    expect(shapeOf(typed, 2000)).toEqual({ profile: "step", rate: 200, base: 20, seconds: 180 });
    expect(shapeOf({ ...typed, base: "50", duration: "90" }, 2000)).toMatchObject({ base: 50, seconds: 90 });
  });
  it.each([
    [{ rate: "3000" }, /--rate is 3000 .*limit of 2000/],
    [{ rate: "1.5" }, /--rate is "1.5", expected a whole number/],
    [{ rate: "-5" }, /whole number/],
    [{ base: "300" }, /--base is 300, above --rate \(200\)/],
    [{ duration: "2h" }, /--duration is 2h, expected 10 s to 60 minutes/],
    [{ duration: "5" }, /expected 10 s/],
    [{ duration: "soon" }, /--duration is "soon"/],
    [{ profile: "square" }, /expected one of step, ramp, spike, sine/],
  ])("are refused: %j", (over, reason) => {
    expect(() => shapeOf({ ...typed, ...over }, 2000)).toThrow(reason);
  });
  it("a rate above the maximum causes an error that names the key to raise", () => {
    expect(() => shapeOf({ ...typed, rate: "9999" }, 2000)).toThrow(
      expect.objectContaining({ next: expect.stringContaining("load.maxRate") }),
    );
  });
});
