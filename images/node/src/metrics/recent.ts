/**
 * Measures the load of this process over the last seconds, for autoscalers. A counter needs a reader that keeps the
 * previous value; these gauges need only one reading, and allow any number of readers.
 */
import { performance, type EventLoopUtilization } from "node:perf_hooks";
import type { Admission } from "../admission";

/** Length of the window, in ms: long enough for a smooth value, short enough for a current one. */
const WINDOW_MS = 2000;
const STEP_MS = 250;

interface Sample {
  readonly at: number;
  readonly received: number;
  readonly inFlight: number;
  readonly loop: EventLoopUtilization;
}

export class Recent {
  private readonly samples: Sample[] = [];
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly admission: Admission) {
    this.samples.push(this.now());
  }

  /** Starts sampling; the timer does not keep the process alive. */
  start(): void {
    this.timer = setInterval(() => {
      this.samples.push(this.now());
      if (this.samples.length > WINDOW_MS / STEP_MS) this.samples.shift();
    }, STEP_MS).unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /** Requests received per second. Shed requests count too, because shedding must not hide the load. */
  get requestsPerSecond(): number {
    const [oldest, now] = [this.samples[0]!, this.now()];
    return now.at > oldest.at ? ((now.received - oldest.received) * 1000) / (now.at - oldest.at) : 0;
  }

  /** Mean number of requests in flight. */
  get inFlight(): number {
    return this.samples.reduce((sum, sample) => sum + sample.inFlight, 0) / this.samples.length;
  }

  /** Share of time that the event loop was busy, 0 to 1. */
  get eventLoopUtilization(): number {
    return performance.eventLoopUtilization(performance.eventLoopUtilization(), this.samples[0]!.loop).utilization;
  }

  private now(): Sample {
    const { received, inFlight } = this.admission;
    return { at: performance.now(), received, inFlight, loop: performance.eventLoopUtilization() };
  }
}
