/** Prometheus metrics: requests, process, event loop, replica pool. Table: docs/api.md. */
import { collectDefaultMetrics, Counter, Gauge, Registry } from "prom-client";
import type { Admission } from "../admission";
import { REPLICA_STATES } from "../redis/reads/replica";
import type { Store } from "../redis/store";
import { FastHistogram, type Series } from "./histogram";
import { Reading } from "./reading";
import { Recent } from "./recent";

/** Methods that have separate label values; the first value stands for all other methods. */
const METHODS = ["other", "GET", "POST", "DELETE", "OPTIONS"] as const;

export class Metrics {
  readonly registry = new Registry();

  /** Time from the request's head to the end of its response, by route pattern, never by path. */
  private readonly duration = new FastHistogram(
    {
      name: "http_request_duration_seconds",
      help: "Duration of HTTP requests in seconds",
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
    },
    this.registry,
  );
  private readonly series = new Map<string, Map<number, Series>>();
  private readonly recent: Recent;
  private readonly reading = new Reading(this.registry);

  constructor(admission: Admission, store: Store, connections: () => number) {
    const registers = [this.registry];
    // the default of 10 ms wakes an idle process a hundred times a second
    collectDefaultMetrics({ register: this.registry, eventLoopMonitoringPrecision: 50 });
    this.recent = new Recent(admission);
    this.recent.start();
    this.registerLoad(this.recent);
    new Gauge({
      name: "http_requests_in_flight",
      help: "HTTP requests being answered",
      registers,
      collect() {
        this.set(admission.inFlight);
      },
    });
    new Gauge({
      name: "http_bodies_arriving",
      help: "HTTP requests whose body has not arrived yet",
      registers,
      collect() {
        this.set(admission.arriving);
      },
    });
    new Gauge({
      name: "http_connections",
      help: "Open HTTP connections",
      registers,
      collect() {
        this.set(connections());
      },
    });
    this.countByReason(
      "http_requests_shed_total",
      "HTTP requests shed because a limit was reached, by limit",
      admission.shed,
    );
    this.registerPool(store);
  }

  /** Counts a request that has ended. */
  ended(method: string, route: string, status: number, seconds: number): void {
    let byStatus = this.series.get(route);
    if (!byStatus) this.series.set(route, (byStatus = new Map()));
    // a numeric key for status and method, so that no string is built per request
    const index = Math.max(0, (METHODS as readonly string[]).indexOf(method));
    const key = status * METHODS.length + index;
    let series = byStatus.get(key);
    if (!series) {
      series = this.duration.series({ method: METHODS[index]!, route, status: String(status) });
      byStatus.set(key, series);
    }
    series.observe(seconds);
  }

  /** A counter that exports counts kept elsewhere. */
  private countByReason(name: string, help: string, counts: Readonly<Record<string, number>>): void {
    new Counter({
      name,
      help,
      labelNames: ["reason"] as const,
      registers: [this.registry],
      collect() {
        this.reset();
        for (const [reason, count] of Object.entries(counts)) this.inc({ reason }, count);
      },
    });
  }

  /**
   * The metrics, in Prometheus' text format.
   * @param names names of the metrics to compute; if empty, all metrics
   */
  text(names: readonly string[]): Promise<string> {
    return this.reading.text(names);
  }

  stop(): void {
    this.recent.stop();
  }

  /** Load over the last two seconds, for autoscalers; it does not depend on the number and frequency of scrapes. */
  private registerLoad(recent: Recent): void {
    const gauge = (name: string, help: string, value: () => number) =>
      new Gauge({
        name,
        help: `${help}, over the last 2 s`,
        registers: [this.registry],
        collect() {
          this.set(value());
        },
      });
    gauge("http_requests_per_second", "HTTP requests received per second", () => recent.requestsPerSecond);
    gauge("http_requests_in_flight_mean", "HTTP requests being answered, on average", () => recent.inFlight);
    gauge(
      "nodejs_eventloop_utilization",
      "Share of time that the event loop was busy, 0 to 1",
      () => recent.eventLoopUtilization,
    );
  }

  private registerPool(store: Store): void {
    const registers = [this.registry];
    // collected at each scrape, so that the series of a removed replica disappear
    const perReplica = (name: string, help: string, value: (r: Store["pool"]["all"][number]) => number | undefined) =>
      new Gauge({
        name,
        help,
        labelNames: ["instance_name"] as const,
        registers,
        collect() {
          this.reset();
          for (const replica of store.pool.all) {
            const now = value(replica);
            if (now !== undefined) this.set({ instance_name: replica.name }, now);
          }
        },
      });
    new Gauge({
      name: "redis_pool_replicas",
      help: "Replicas known to this process, by state",
      labelNames: ["state"] as const,
      registers,
      collect() {
        for (const state of REPLICA_STATES) {
          this.set({ state }, store.pool.all.filter((r) => r.state === state).length);
        }
      },
    });
    new Gauge({
      name: "redis_pool_source",
      help: "Discovery sources of the replicas: 1 for the source in use, 0 for the others",
      labelNames: ["source"] as const,
      registers,
      collect() {
        this.reset();
        const { names, source } = store.discovery;
        for (const name of names) this.set({ source: name }, 0);
        this.set({ source }, 1);
      },
    });
    new Gauge({
      name: "redis_main_up",
      help: "Whether main is connected and answers",
      registers,
      collect() {
        this.set(store.main.usable ? 1 : 0);
      },
    });
    const countPerReplica = (name: string, help: string, value: (r: Store["pool"]["all"][number]) => number) =>
      new Counter({
        name,
        help,
        labelNames: ["instance_name"] as const,
        registers,
        collect() {
          this.reset();
          for (const replica of store.pool.all) this.inc({ instance_name: replica.name }, value(replica));
        },
      });
    countPerReplica("redis_pool_reads_total", "Reads answered by a replica", (r) => r.answered);
    countPerReplica(
      "redis_pool_read_failures_total",
      "Reads that a replica failed to answer; they were retried elsewhere",
      (r) => r.failed,
    );
    countPerReplica(
      "redis_pool_read_seconds_total",
      "Total duration of a replica's replies in seconds",
      (r) => r.seconds,
    );
    perReplica(
      "redis_pool_commands_in_flight",
      "Commands sent to a replica and not answered yet",
      (r) => r.connection.inFlight,
    );
    // sums for the replicas' autoscaler; no sample if no replica has reported a value
    const sumOverReplicas = (
      name: string,
      help: string,
      value: (r: Store["pool"]["all"][number]) => number | undefined,
    ) =>
      new Gauge({
        name,
        help,
        registers,
        // prom-client would start with 0, which was never measured
        labelNames: [],
        collect() {
          this.remove();
          const figures = store.pool.all.map(value).filter((figure) => figure !== undefined);
          if (figures.length) this.set(figures.reduce((sum, figure) => sum + figure, 0));
        },
      });
    sumOverReplicas(
      "redis_replicas_commands_per_second",
      "Commands per second of all replicas together, from all clients, as reported by the replicas",
      (r) => r.load?.commandsPerSecond,
    );
    sumOverReplicas(
      "redis_replicas_connected_clients",
      "Connections of all replicas together, from all clients, as reported by the replicas",
      (r) => r.load?.clients,
    );
    perReplica("redis_pool_replica_lag_seconds", "Minimum lag of a replica behind main in seconds", (r) =>
      r.lagMs === undefined ? undefined : r.lagMs / 1000,
    );
    perReplica("redis_pool_replica_serving", "Whether a replica gets reads", (r) => (r.state === "serving" ? 1 : 0));
    this.countByReason(
      "redis_pool_reads_from_main_total",
      "Reads answered by main: as requested (strong), or because no replica could answer (fallback)",
      store.readsFromMain,
    );
  }
}
