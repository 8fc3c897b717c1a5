/** Decides on the replica count of one workload, without access to Kubernetes, HTTP or a clock. */
import type { Target } from "../config";
import { FlappingGuard } from "./flapping";
import { highestAllowed, lowestAllowed, ScaleEvents } from "./policies";
import { Window } from "./window";

/**
 * Time from the first reading to the second. Waiting for the next tick would add half a second to the reaction time and
 * gain little, as the simulation in docs/decisions/0017-fast-scaler.md shows.
 */
export const CONFIRM_MS = 150;
/** Readings that are more than this number of ticks apart do not confirm each other. */
const CONFIRM_TICKS = 3;
/**
 * After this time without complete figures, the window starts again, because another process may have made decisions,
 * and the load in the meantime is unknown. This is the HorizontalPodAutoscaler's period: it does not know the load
 * between two evaluations either.
 */
const GAP_MS = 15_000;
/** While a count is flapping, the scaler writes no more often than the HorizontalPodAutoscaler would. */
const FLAPPING_WRITE_MS = 15_000;

export interface Observation {
  /** Time on a monotonic clock, ms. */
  readonly now: number;
  readonly present: number;
  /** Bounds of the HorizontalPodAutoscaler. */
  readonly min: number;
  readonly max: number;
  /** Count that CPU alone requires; undefined if unknown. */
  readonly cpu: number | undefined;
  /** Recommendation for each signal; undefined for a signal that no pod reported. */
  readonly signals: readonly (number | undefined)[];
}

/** Why no pods are currently removed; with `no-gauges`, none are added either. */
export type Hold = "no-gauges" | "signal-missing" | "cpu-unknown" | "flapping";

export interface Decision {
  /** Count to write; equal to the present count if nothing is to change. */
  readonly wanted: number;
  /** Highest recommendation of the signals, as confirmed by two readings; undefined without gauges. */
  readonly recommended: number | undefined;
  /** Highest recommendation in the window, including CPU's. */
  readonly window: number;
  readonly hold: Hold | undefined;
  /** Whether a second reading may add pods. */
  readonly unconfirmed: boolean;
}

type DeciderConfig = Pick<Target, "scaleDownWindowSeconds" | "scaleUp" | "scaleDown"> & { readonly tickMs: number };

export class Decider {
  private readonly window: Window;
  private readonly events: ScaleEvents;
  private previous: { readonly at: number; readonly count: number } | undefined;
  private lastPresent: number | undefined;
  /** Time at which all figures were last complete. */
  private completeAt = -Infinity;
  private wroteAt = -Infinity;

  constructor(
    private readonly config: DeciderConfig,
    private readonly guard = new FlappingGuard(),
  ) {
    this.window = new Window(config.scaleDownWindowSeconds * 1000);
    this.events = new ScaleEvents(Math.max(config.scaleUp.periodSeconds, config.scaleDown.periodSeconds) * 1000);
  }

  decide(seen: Observation): Decision {
    const { now, present, min, max, cpu, signals } = seen;
    this.observePresent(now, present);
    const counts = signals.filter((count) => count !== undefined);
    if (counts.length === 0) {
      this.previous = undefined;
      const window = this.window.highest(now);
      return { wanted: present, recommended: undefined, window, hold: "no-gauges", unconfirmed: false };
    }
    const highest = Math.max(...counts);
    const recommended = this.confirmed(now, highest, present);
    const hold = this.hold(now, counts.length === signals.length, cpu);
    if (counts.length === signals.length && cpu !== undefined) this.complete(now, present, Math.max(recommended, cpu));
    else if (recommended > present) this.window.add(now, recommended);
    const window = this.window.highest(now);
    const unconfirmed = Math.min(highest, max) > Math.max(recommended, present);
    const result = { recommended, window, hold, unconfirmed };

    const most = Math.min(Math.max(recommended, min), max);
    if (most > present) {
      if (hold === "flapping" && now - this.wroteAt < FLAPPING_WRITE_MS) return { ...result, wanted: present };
      return { ...result, wanted: Math.min(most, highestAllowed(present, this.events, this.config.scaleUp, now)) };
    }
    // the HorizontalPodAutoscaler lowers a count above the upper bound, so only the window counts here
    const least = Math.max(window, min);
    if (least >= present || hold) return { ...result, wanted: present };
    return { ...result, wanted: Math.max(least, lowestAllowed(present, this.events, this.config.scaleDown, now)) };
  }

  /** Records that the count was written. */
  wrote(now: number, from: number, to: number): void {
    this.events.add(now, to - from);
    this.wroteAt = now;
    // makes the guard notice if another program sets the count back before the next tick
    this.guard.observe(now, to);
    this.lastPresent = to;
  }

  /** Discards the history: no pods are removed until a whole window has passed. */
  restart(): void {
    this.completeAt = -Infinity;
    this.previous = undefined;
  }

  /** A count that the HorizontalPodAutoscaler or a person has raised is kept for a whole window. */
  private observePresent(now: number, present: number): void {
    this.guard.observe(now, present);
    if (this.lastPresent !== undefined && present > this.lastPresent) this.window.add(now, present);
    this.lastPresent = present;
  }

  /** The lower of this reading and the previous one, so that a single reading never adds pods. */
  private confirmed(now: number, count: number, present: number): number {
    const { previous } = this;
    this.previous = { at: now, count };
    if (!previous || now - previous.at > CONFIRM_TICKS * this.config.tickMs) return Math.min(count, present);
    return Math.min(count, previous.count);
  }

  private complete(now: number, present: number, count: number): void {
    // the load in the meantime is unknown, as it is at the start
    if (now - this.completeAt > GAP_MS) this.window.add(now, present);
    this.completeAt = now;
    this.window.add(now, count);
  }

  private hold(now: number, isComplete: boolean, cpu: number | undefined): Hold | undefined {
    if (!isComplete) return "signal-missing";
    if (cpu === undefined) return "cpu-unknown";
    return this.guard.isPaused(now) ? "flapping" : undefined;
  }
}
