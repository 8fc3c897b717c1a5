import { stat, timeseries, type Dashboard } from "./panels";
import { CALLER_ROUTES, selectors } from "./selectors";
import { BURN, THRESHOLDS } from "./thresholds";

const { ns, api } = selectors("$namespace");
const requests = `http_request_duration_seconds_count{${api}, ${CALLER_ROUTES}}`;
const each = `${api}, pod=~"$pod"`;
const reads = (metric: string) => `sum by (instance_name) (rate(${metric}{${api}}[1m]))`;

export const rate = stat({
  title: "Requests",
  description: "Requests per second over all pods, without probes and scrapes.",
  unit: "reqps",
  queries: [{ expr: `sum(rate(${requests}[1m]))`, legend: "requests" }],
});
const errorRate = stat({
  title: "Error rate",
  description: "Share of requests in the last five minutes that were answered with 5xx, including those shed with 503.",
  unit: "percentunit",
  queries: [
    {
      expr: `(sum(rate(http_request_duration_seconds_count{${api}, ${CALLER_ROUTES}, status=~"5.."}[5m])) or vector(0)) / (sum(rate(${requests}[5m])) > 0)`,
      legend: "errors",
    },
  ],
});
export const p99 = stat({
  title: "p99",
  description: "99 % of the requests in the last five minutes were answered within this time.",
  unit: "s",
  queries: [
    {
      expr: `histogram_quantile(0.99, sum by (le) (rate(http_request_duration_seconds_bucket{${api}, ${CALLER_ROUTES}}[5m])))`,
      legend: "p99",
    },
  ],
});
const pods = stat({
  title: "Pods",
  description: "Pods that Prometheus can scrape.",
  unit: "short",
  limit: { at: 1, below: true },
  alert: "ApiDown",
  queries: [{ expr: `sum(up{${api}})`, legend: "pods" }],
});
export const burn = timeseries({
  title: "Error budget",
  description:
    "How many times faster than allowed each error budget is being used, over one hour and over six hours. The line is the critical alert's one-hour threshold.",
  unit: "short",
  limit: { at: BURN.fast },
  alert: "ApiBudgetBurnsFast",
  queries: ["1h", "6h"].map((window) => ({
    expr: `namespace_objective:http_requests:burn_rate${window}{${ns}} >= 0`,
    legend: `{{objective}}, ${window}`,
  })),
});
const byRoute = timeseries({
  title: "Requests by route",
  description: "Requests per second by method and route.",
  unit: "reqps",
  queries: [{ expr: `sum by (method, route) (rate(${requests}[1m]))`, legend: "{{method}} {{route}}" }],
});
const byStatus = timeseries({
  title: "Responses by status",
  description:
    "Requests per second by response status. 503 means that the API shed load or that Redis did not respond.",
  unit: "reqps",
  queries: [{ expr: `sum by (status) (rate(${requests}[1m]))`, legend: "{{status}}" }],
});
export const latency = timeseries({
  title: "Latency",
  description: "50 %, 95 % and 99 % of requests are answered within these times.",
  unit: "s",
  queries: [0.5, 0.95, 0.99].map((q) => ({
    expr: `histogram_quantile(${q}, sum by (le) (rate(http_request_duration_seconds_bucket{${api}, ${CALLER_ROUTES}}[1m])))`,
    legend: `p${q * 100}`,
  })),
});
const byPod = timeseries({
  title: "Requests by pod",
  description: "How the load is spread over the pods. A pod near zero gets no requests, even though others are busy.",
  unit: "reqps",
  queries: [
    {
      expr: `sum by (pod) (rate(http_request_duration_seconds_count{${each}, ${CALLER_ROUTES}}[1m]))`,
      legend: "{{pod}}",
    },
  ],
});
const shed = timeseries({
  title: "Shed requests",
  description:
    "Share of requests that were shed with 503, by the limit that was reached. Either more pods are needed, or a " +
    "client is sending too many requests.",
  unit: "percentunit",
  limit: { at: THRESHOLDS.shed },
  alert: "ApiRefusing",
  queries: [
    {
      expr: `sum by (reason) (rate(http_requests_shed_total{${api}}[2m])) / scalar(sum(rate(${requests}[2m])) > 0)`,
      legend: "{{reason}}",
    },
  ],
});
const inFlight = timeseries({
  title: "In flight",
  description: "Requests in flight in each pod. At node.maxInFlight, the pod sheds additional requests.",
  unit: "short",
  queries: [{ expr: `http_requests_in_flight_mean{${each}}`, legend: "{{pod}}" }],
});
const eventLoop = timeseries({
  title: "Event loop",
  description: "Share of time during which each pod's event loop is busy. Near 1, the pod is saturated.",
  unit: "percentunit",
  queries: [{ expr: `nodejs_eventloop_utilization{${each}}`, legend: "{{pod}}" }],
});
const cpu = timeseries({
  title: "CPU",
  description: "CPU cores used by each pod; the autoscaler compares this usage with the CPU request.",
  unit: "short",
  queries: [
    {
      expr: `sum by (pod) (rate(container_cpu_usage_seconds_total{${ns}, container="node", pod=~"$pod"}[2m]))`,
      legend: "{{pod}}",
    },
  ],
});
const memory = timeseries({
  title: "Memory",
  description: "Memory used by each pod's process. At the pod's memory limit, the process is killed.",
  unit: "bytes",
  queries: [{ expr: `process_resident_memory_bytes{${each}}`, legend: "{{pod}}" }],
});
const readsByReplica = timeseries({
  title: "Reads by replica",
  description:
    "Reads per second answered by each replica, as counted by the API. A new replica gets its share within seconds.",
  unit: "reqps",
  queries: [
    { expr: reads("redis_pool_reads_total"), legend: "{{instance_name}}" },
    {
      expr: `sum by (reason) (rate(redis_pool_reads_from_main_total{${api}}[1m]))`,
      legend: "main ({{reason}})",
    },
  ],
});
const fromMain = timeseries({
  title: "Reads that fell back to main",
  description: "Share of reads that main answered because no replica could.",
  unit: "percentunit",
  limit: { at: THRESHOLDS.readsFromMain },
  alert: "ApiReadsFromMain",
  queries: [
    {
      expr: `sum(rate(redis_pool_reads_from_main_total{${api}, reason="fallback"}[2m])) / ((sum(rate(redis_pool_reads_total{${api}}[2m])) or vector(0)) + sum(rate(redis_pool_reads_from_main_total{${api}, reason="fallback"}[2m])) > 0)`,
      legend: "from main",
    },
  ],
});
const readLatency = timeseries({
  title: "Latency by replica",
  description: "Mean response time of each replica, as measured by the API.",
  unit: "s",
  queries: [
    {
      expr: `${reads("redis_pool_read_seconds_total")} / (${reads("redis_pool_reads_total")} > 0)`,
      legend: "{{instance_name}}",
    },
  ],
});
export const lag = timeseries({
  title: "Replica lag",
  description:
    "Lower bound of each replica's lag behind main: the highest value that any pod reports. Above " +
    "node.maxLagSeconds, a replica gets no reads.",
  unit: "s",
  limit: { at: THRESHOLDS.replicaLag },
  alert: "RedisReplicaLagging",
  queries: [{ expr: `max by (instance_name) (redis_pool_replica_lag_seconds{${api}})`, legend: "{{instance_name}}" }],
});
const replicaStates = timeseries({
  title: "Replicas by state",
  description: "Number of replicas in each state, averaged over the API's pods. All of them should be serving.",
  unit: "short",
  queries: [{ expr: `avg by (state) (redis_pool_replicas{${api}})`, legend: "{{state}}" }],
});
const retriedReads = timeseries({
  title: "Retried reads",
  description:
    "Reads per second that a replica did not answer. The API retries them on another instance, so callers do not notice.",
  unit: "reqps",
  queries: [{ expr: reads("redis_pool_read_failures_total"), legend: "{{instance_name}}" }],
});

/** Dashboard `iac-api`: the callers' view, the pods, and the reads from the replicas. */
export const apiDashboard: Dashboard = {
  uid: "iac-api",
  title: "API",
  description: "Requests, errors, latency and load of the API, and its reads from the replicas.",
  choices: [{ name: "pod", title: "Pod", series: 'up{namespace="$namespace", service="node"}', label: "pod" }],
  rows: [
    { title: "Now", panels: [rate, errorRate, p99, pods] },
    { title: "What callers see", panels: [byRoute, byStatus, latency, burn, shed] },
    { title: "Pods", panels: [byPod, inFlight, eventLoop, cpu, memory] },
    { title: "Reads", panels: [readsByReplica, readLatency, lag, replicaStates, retriedReads, fromMain] },
  ],
};
