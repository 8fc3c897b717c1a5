/** Load profiles: the rate over time, as a function and as k6's stages. */
import { Failure } from "../terminal/ui";

export const PROFILES = ["step", "ramp", "spike", "sine"] as const;
export type Profile = (typeof PROFILES)[number];

export const PROFILE_HELP: Readonly<Record<Profile, string>> = {
  step: "base rate for a tenth of the time, then the full rate",
  ramp: "linear from the base rate to the full rate, and back",
  spike: "base rate, interrupted in the middle by the full rate for a tenth of the time",
  sine: "two waves between the base rate and the full rate",
};

export interface Shape {
  readonly profile: Profile;
  /** Full rate, requests per second. */
  readonly rate: number;
  /** Base rate. */
  readonly base: number;
  readonly seconds: number;
}

/** Changes the rate linearly to `target` within `seconds`; 0 is immediate. */
export interface Stage {
  readonly target: number;
  readonly seconds: number;
}

/** Straight segments that approximate one wave. */
const WAVE_PARTS = 24;
const WAVES = 2;

/** The stages of a shape; the first begins at `base`. */
export function stages({ profile, rate, base, seconds }: Shape): Stage[] {
  const part = (share: number) => Math.max(1, Math.round(seconds * share));
  switch (profile) {
    case "step":
      return [hold(base, part(0.1)), at(rate), hold(rate, seconds - part(0.1))];
    case "ramp":
      return [
        { target: rate, seconds: part(0.5) },
        { target: base, seconds: seconds - part(0.5) },
      ];
    case "spike":
      return [
        hold(base, part(0.45)),
        at(rate),
        hold(rate, part(0.1)),
        at(base),
        hold(base, seconds - part(0.45) - part(0.1)),
      ];
    case "sine": {
      const count = WAVE_PARTS * WAVES;
      const ends = Array.from({ length: count }, (_, i) => Math.round((seconds * (i + 1)) / count));
      return ends.map((end, i) => ({
        target: Math.round(base + ((rate - base) * (1 - Math.cos((2 * Math.PI * (i + 1)) / WAVE_PARTS))) / 2),
        seconds: end - (ends[i - 1] ?? 0),
      }));
    }
  }
}

const hold = (target: number, seconds: number): Stage => ({ target, seconds });
const at = (target: number): Stage => ({ target, seconds: 0 });

/** Target rate at a given second. */
export function rateAt(shape: Shape, second: number): number {
  let from = shape.base;
  let begin = 0;
  for (const stage of stages(shape)) {
    if (second < begin + stage.seconds) return from + ((stage.target - from) * (second - begin)) / stage.seconds;
    begin += stage.seconds;
    from = stage.target;
  }
  return from;
}

/** Limits of the duration, in seconds. */
const SECONDS = { least: 10, most: 3600 };

/** Parses a shape from the command's options. @throws Failure if it is invalid or above the limits */
export function shapeOf(
  typed: { profile: string; rate: string; base?: string; duration: string },
  maxRate: number,
): Shape {
  const profile = PROFILES.find((p) => p === typed.profile);
  if (!profile) throw new Failure(`--profile is "${typed.profile}", expected one of ${PROFILES.join(", ")}.`);
  const rate = whole("--rate", typed.rate);
  const base = typed.base === undefined ? Math.max(1, Math.round(rate / 10)) : whole("--base", typed.base);
  if (rate > maxRate) {
    throw new Failure(
      `--rate is ${rate} requests per second, above the limit of ${maxRate}.`,
      "If the cluster and its other users can handle more load, raise load.maxRate (IAC_LOAD_MAX_RATE).",
    );
  }
  if (base > rate) throw new Failure(`--base is ${base}, above --rate (${rate}).`);
  const match = /^(\d+)(s|m|h)?$/.exec(typed.duration);
  if (!match) throw new Failure(`--duration is "${typed.duration}", expected a time such as 90s, 5m or 1h.`);
  const seconds = Number(match[1]) * { s: 1, m: 60, h: 3600 }[(match[2] ?? "s") as "s" | "m" | "h"];
  if (seconds < SECONDS.least || seconds > SECONDS.most)
    throw new Failure(`--duration is ${typed.duration}, expected ${SECONDS.least} s to ${SECONDS.most / 60} minutes.`);
  return { profile, rate, base, seconds };
}

function whole(name: string, typed: string): number {
  if (!/^\d+$/.test(typed) || Number(typed) < 1)
    throw new Failure(`${name} is "${typed}", expected a whole number of requests per second, 1 or more.`);
  return Number(typed);
}
