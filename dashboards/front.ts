import { stat, timeseries, type Dashboard } from "./panels";
import { selectors } from "./selectors";

const { ns, front } = selectors("$namespace");
const count = "nginx_http_request_duration_seconds_count";

const rate = stat({
  title: "Requests",
  description: "Requests to the front per second, all pods.",
  unit: "reqps",
  queries: [{ expr: `sum(rate(${count}{${front}}[1m]))`, legend: "requests" }],
});
const pods = stat({
  title: "Pods",
  description: "Pods that Prometheus reaches.",
  unit: "short",
  limit: { at: 1, below: true },
  alert: "FrontDown",
  queries: [{ expr: `sum(up{${front}})`, legend: "pods" }],
});
const unreachable = stat({
  title: "API not reached",
  description: "Share of requests to the API through the front that were answered with 5xx in the last five minutes.",
  unit: "percentunit",
  queries: [
    {
      expr: `(sum(rate(${count}{${front}, route="api", status=~"5.."}[5m])) or vector(0)) / (sum(rate(${count}{${front}, route="api"}[5m])) > 0)`,
      legend: "failed",
    },
  ],
});
const byRoute = timeseries({
  title: "Requests by what is asked for",
  description: "Requests per second to each kind of address: the page, its assets, the API behind it.",
  unit: "reqps",
  queries: [{ expr: `sum by (route) (rate(${count}{${front}}[1m]))`, legend: "{{route}}" }],
});
const byStatus = timeseries({
  title: "Answers by status",
  description: "Requests per second by status. 503 under api means that no API pod could be reached, or it refused.",
  unit: "reqps",
  queries: [{ expr: `sum by (route, status) (rate(${count}{${front}}[1m]))`, legend: "{{route}} {{status}}" }],
});
const latency = timeseries({
  title: "Latency",
  description: "99 % of requests are answered within this time, by what is asked for.",
  unit: "s",
  queries: [
    {
      expr: `histogram_quantile(0.99, sum by (le, route) (rate(nginx_http_request_duration_seconds_bucket{${front}}[1m])))`,
      legend: "{{route}}",
    },
  ],
});
const byPod = timeseries({
  title: "Requests by pod",
  description: "How the load spreads over the pods.",
  unit: "reqps",
  queries: [{ expr: `sum by (pod) (rate(${count}{${front}, pod=~"$pod"}[1m]))`, legend: "{{pod}}" }],
});
const connections = timeseries({
  title: "Connections",
  description: "Connections that each nginx holds, by what they are doing.",
  unit: "short",
  queries: [{ expr: `sum by (pod, state) (nginx_connections{${front}, pod=~"$pod"})`, legend: "{{pod}} {{state}}" }],
});
const sent = timeseries({
  title: "Sent",
  description: "Bytes of answers per second, headers included.",
  unit: "Bps",
  queries: [
    { expr: `sum by (pod) (rate(nginx_http_response_bytes_total{${front}, pod=~"$pod"}[1m]))`, legend: "{{pod}}" },
  ],
});
const cpu = timeseries({
  title: "CPU",
  description: "CPU cores used by each pod; the autoscaler compares them with the request.",
  unit: "short",
  queries: [
    {
      expr: `sum by (pod) (rate(container_cpu_usage_seconds_total{${ns}, container="react", pod=~"$pod"}[2m]))`,
      legend: "{{pod}}",
    },
  ],
});

/** Dashboard `iac-front`: the page's nginx and what passes through it. */
export const frontDashboard: Dashboard = {
  uid: "iac-front",
  title: "Front",
  description: "Requests, errors, latency and load of the front.",
  choices: [{ name: "pod", title: "Pod", series: 'up{namespace="$namespace", service="react"}', label: "pod" }],
  rows: [
    { title: "Now", panels: [rate, unreachable, pods] },
    { title: "What visitors see", panels: [byRoute, byStatus, latency] },
    { title: "Pods", panels: [byPod, connections, sent, cpu] },
  ],
};
