/**
 * A workload under a load of random requests, with gauges over the last two seconds, like the API's. The simulation
 * does not wait: ten minutes take a fraction of a second.
 */
import { Decider } from "../../src/decision/decider";
import { recommend } from "../../src/decision/formula";
import { CONFIRM_MS } from "../../src/decision/decider";
import { CONFIG } from "./decider";

/** Step of the simulation, s. */
const STEP = 0.05;
const GAUGE_SECONDS = 2;
const STEPS_PER_GAUGE = Math.round(GAUGE_SECONDS / STEP);

/** Generates numbers from 0 to 1; the same seed yields the same sequence. */
export function random(seed: number): () => number {
  let state = seed * 2654435761 + 1;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let x = Math.imul(state ^ (state >>> 15), 1 | state);
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
    return ((x ^ (x >>> 14)) >>> 0) / 4294967296;
  };
}

/** Random number of requests that arrive, for a given mean. */
function arrivals(mean: number, next: () => number): number {
  if (mean <= 0) return 0;
  const limit = Math.exp(-mean);
  let product = next();
  let count = 0;
  while (product > limit) {
    product *= next();
    count++;
  }
  return count;
}

export interface Simulated {
  /** Requests per second at time `at`, s. */
  readonly load: (at: number) => number;
  readonly seconds: number;
  readonly begin: number;
  readonly seed: number;
  /** Target value: requests per second and pod. */
  readonly target?: number;
  readonly startSeconds?: number;
  /** How a reading is confirmed: not at all, by a second reading soon after it, or by the reading of the next tick. */
  readonly confirm?: "not" | "soon" | "tick";
  readonly windowSeconds?: number;
  readonly max?: number;
  /**
   * CPU usage per request, as a share of the usage at which pods that are at `target` also reach their CPU target. If
   * it is set, a HorizontalPodAutoscaler without scale-in evaluates CPU values that are 20 s old, every 15 s.
   */
  readonly cpuShare?: number;
}

export interface Change {
  readonly at: number;
  readonly to: number;
  readonly by: "scaler" | "autoscaler";
}

/** The HorizontalPodAutoscaler, as a safety net. */
class Net {
  private readonly usage: number[] = [];
  private recommendation = 0;

  constructor(private readonly cpuShare: number) {}

  /** Called once per step: records the CPU usage of all pods, as a number of pods at their target. */
  observe(load: number, target: number): void {
    this.usage.push((load / target) * this.cpuShare);
    if (this.usage.length > 20 / STEP) this.usage.shift();
  }

  /** Its recommendation, based on the CPU usage 20 s ago. */
  evaluate(present: number): number {
    const ratio = this.usage[0]! / present;
    this.recommendation = Math.abs(1 - ratio) <= 0.1 ? present : Math.ceil(ratio * present);
    return this.recommendation;
  }

  get last(): number {
    return this.recommendation;
  }
}

export function simulate(options: Simulated): readonly Change[] {
  const { load, seconds, begin, seed, target = 100, startSeconds = 2.5, confirm = "soon", max = 20 } = options;
  const next = random(seed);
  const decider = new Decider({ ...CONFIG, scaleDownWindowSeconds: options.windowSeconds ?? 120 });
  const pods = Array.from({ length: begin }, () => ({ readyAt: 0, recent: [] as number[] }));
  const changes: Change[] = [];
  const net = new Net(options.cpuShare ?? 0);
  const scale = (at: number, to: number, by: Change["by"]) => {
    changes.push({ at, to, by });
    while (pods.length < to) pods.push({ readyAt: at + startSeconds, recent: [] });
    pods.length = to;
  };
  // the ticks are not aligned with the load
  const phase = Math.floor(next() * 10);
  let again = -1;
  for (let step = 0; step * STEP < seconds; step++) {
    const at = step * STEP;
    net.observe(load(at), target);
    if (step % (15 / STEP) === 0 && net.evaluate(pods.length) > pods.length) {
      scale(at, Math.min(net.last, max), "autoscaler");
    }
    const ready = pods.filter(({ readyAt }) => readyAt <= at);
    for (const pod of pods) {
      const share = pod.readyAt <= at ? load(at) / ready.length : 0;
      pod.recent.push(arrivals(share * STEP, next));
      if (pod.recent.length > STEPS_PER_GAUGE) pod.recent.shift();
    }
    if ((step % 10 !== phase && step !== again) || at < GAUGE_SECONDS) continue;
    const values = ready.map(({ recent }) => recent.reduce((a, b) => a + b, 0) / (recent.length * STEP));
    const present = pods.length;
    const count = recommend({ values, missing: 0, unready: present - ready.length }, target, present);
    const seen = { now: at * 1000, present, min: 1, max, cpu: net.last, signals: [count] };
    // a repeated reading confirms itself
    if (confirm === "not") decider.decide(seen);
    const { wanted, unconfirmed } = decider.decide(seen);
    if (unconfirmed && confirm === "soon" && step !== again) again = step + Math.round(CONFIRM_MS / 1000 / STEP);
    if (wanted === present) continue;
    decider.wrote(at * 1000, present, wanted);
    scale(at, wanted, "scaler");
  }
  return changes;
}
