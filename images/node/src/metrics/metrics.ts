/** What Prometheus reads: requests, process, event loop, the pool of replicas. Table: docs/api.md. */
import { collectDefaultMetrics, Counter, Gauge, Registry } from "prom-client";
import type { Admission } from "../admission";
import { REPLICA_STATES } from "../redis/reads/replica";
import type { Store } from "../redis/store";
import { FastHistogram, type Series } from "./histogram";
import { Recent } from "./recent";

/** Methods that are told apart; the first stands for all others. */
const METHODS = ["other", "GET", "POST", "DELETE", "OPTIONS"] as const;

export class Metrics {
  readonly registry = new Registry();

  /** Seconds from the request's head to the end of its answer, by route pattern, never by path. */
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
      name: "http_connections",
      help: "Open HTTP connections",
      registers,
      collect() {
        this.set(connections());
      },
    });
    this.countByReason(
      "http_requests_shed_total",
      "HTTP requests refused at once because too much was in work, by the bound that was reached",
      admission.shed,
    );
    this.registerPool(store);
  }

  /** One request has ended. A method that is none of ours counts as "other". */
  ended(method: string, route: string, status: number, seconds: number): void {
    let byStatus = this.series.get(route);
    if (!byStatus) this.series.set(route, (byStatus = new Map()));
    // one number for both: a method has few statuses, and no string is built for each request
    const index = Math.max(0, (METHODS as readonly string[]).indexOf(method));
    const key = status * METHODS.length + index;
    let series = byStatus.get(key);
    if (!series) {
      series = this.duration.series({ method: METHODS[index]!, route, status: String(status) });
      byStatus.set(key, series);
    }
    series.observe(seconds);
  }

  /** A counter whose counts are kept by what is counted. */
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

  stop(): void {
    this.recent.stop();
  }

  /** What an autoscaler reads: the last two seconds, whoever asks and however often. */
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
    gauge("http_requests_per_second", "HTTP requests that came each second", () => recent.requestsPerSecond);
    gauge("http_requests_in_flight_mean", "HTTP requests being answered, on average", () => recent.inFlight);
    gauge(
      "nodejs_eventloop_utilization",
      "Share of time that the event loop was busy, 0 to 1",
      () => recent.eventLoopUtilization,
    );
  }

  private registerPool(store: Store): void {
    const registers = [this.registry];
    // read from the replicas themselves at each scrape: one that left takes its series along
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
      help: "Replicas that this process knows, by state",
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
      help: "Where this process knows its replicas from (1 for the source in use)",
      labelNames: ["source"] as const,
      registers,
      collect() {
        this.reset();
        this.set({ source: store.discovery.source }, 1);
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
    countPerReplica("redis_pool_reads_total", "Reads that a replica answered", (r) => r.answered);
    countPerReplica(
      "redis_pool_read_failures_total",
      "Reads that a replica failed to answer; another one was asked",
      (r) => r.failed,
    );
    countPerReplica("redis_pool_read_seconds_total", "Time that a replica's answers took in all", (r) => r.seconds);
    perReplica(
      "redis_pool_commands_in_flight",
      "Commands that a replica has not answered yet",
      (r) => r.connection.inFlight,
    );
    // one figure of all replicas, for the autoscaler of the replicas; none where no replica told its own
    const sumOverReplicas = (
      name: string,
      help: string,
      value: (r: Store["pool"]["all"][number]) => number | undefined,
    ) =>
      new Gauge({
        name,
        help,
        registers,
        // without a label prom-client begins with a 0 that nobody measured
        labelNames: [],
        collect() {
          this.remove();
          const figures = store.pool.all.map(value).filter((figure) => figure !== undefined);
          if (figures.length) this.set(figures.reduce((sum, figure) => sum + figure, 0));
        },
      });
    sumOverReplicas(
      "redis_replicas_commands_per_second",
      "Commands that all replicas together process each second, whoever sent them, as they say",
      (r) => r.load?.commandsPerSecond,
    );
    sumOverReplicas(
      "redis_replicas_connected_clients",
      "Connections that all replicas together hold, whosever they are, as they say",
      (r) => r.load?.clients,
    );
    perReplica("redis_pool_replica_lag_seconds", "How far a replica is at least behind main", (r) =>
      r.lagMs === undefined ? undefined : r.lagMs / 1000,
    );
    perReplica("redis_pool_replica_serving", "Whether a replica is asked for reads", (r) =>
      r.state === "serving" ? 1 : 0,
    );
    this.countByReason(
      "redis_pool_reads_from_main_total",
      "Reads that main answered: asked for (strong), or because no replica could (fallback)",
      store.readsFromMain,
    );
  }
}
