/** Drives a decider through ticks, without waiting. */
import { Decider, type Decision, type Observation } from "../../src/decision/decider";

export const TICK_MS = 500;
export const CONFIG = {
  tickMs: TICK_MS,
  scaleDownWindowSeconds: 120,
  scaleUp: { percent: 100, pods: 4, periodSeconds: 15 },
  scaleDown: { percent: 50, pods: 1, periodSeconds: 60 },
};

type Seen = Omit<Observation, "now" | "present">;

/** A workload whose count changes immediately when it is written. */
export class Driven {
  now = 0;
  last: Decision | undefined;
  readonly changes: { readonly at: number; readonly from: number; readonly to: number }[] = [];

  constructor(
    public present: number,
    private readonly decider = new Decider(CONFIG),
  ) {}

  /** One tick. */
  tick(seen: Partial<Seen> = {}): Decision {
    this.now += TICK_MS;
    const observed = { min: 1, max: 20, cpu: 0, signals: [this.present], ...seen };
    this.last = this.decider.decide({ now: this.now, present: this.present, ...observed });
    const { wanted } = this.last;
    if (wanted !== this.present) {
      this.decider.wrote(this.now, this.present, wanted);
      this.changes.push({ at: this.now, from: this.present, to: wanted });
      this.present = wanted;
    }
    return this.last;
  }

  /** Ticks for a number of seconds, then returns the count. */
  run(seconds: number, seen: Partial<Seen> = {}): number {
    for (const end = this.now + seconds * 1000; this.now < end;) this.tick(seen);
    return this.present;
  }

  restart(): void {
    this.decider.restart();
  }
}
