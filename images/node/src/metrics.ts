/** What Prometheus reads: requests, process, event loop. */
import { performance } from "node:perf_hooks";
import { collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

export class Metrics {
  readonly registry = new Registry();

  /** Seconds from the request's head to the end of its answer, by route pattern, never by path. */
  private readonly duration = new Histogram({
    name: "http_request_duration_seconds",
    help: "Duration of HTTP requests in seconds",
    labelNames: ["method", "route", "status"] as const,
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
    registers: [this.registry],
  });

  private readonly inFlight = new Gauge({
    name: "http_requests_in_flight",
    help: "HTTP requests being answered",
    registers: [this.registry],
  });

  constructor() {
    collectDefaultMetrics({ register: this.registry });
    let before = performance.eventLoopUtilization();
    new Gauge({
      name: "nodejs_eventloop_utilization",
      help: "Share of time that the event loop was busy since the last scrape, 0 to 1",
      registers: [this.registry],
      collect() {
        const now = performance.eventLoopUtilization();
        this.set(performance.eventLoopUtilization(now, before).utilization);
        before = now;
      },
    });
  }

  started(): void {
    this.inFlight.inc();
  }

  ended(method: string, route: string, status: number, seconds: number): void {
    this.inFlight.dec();
    this.duration.observe({ method, route, status: String(status) }, seconds);
  }
}
