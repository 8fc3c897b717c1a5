import { stat, timeseries, type Dashboard } from "./panels";
import { selectors } from "./selectors";

const { ns, front } = selectors("$namespace");
const count = "nginx_http_request_duration_seconds_count";

const rate = stat({
  title: "Requests",
  description: "Requests per second to the front, over all pods.",
  unit: "reqps",
  queries: [{ expr: `sum(rate(${count}{${front}}[1m]))`, legend: "requests" }],
});
const pods = stat({
  title: "Pods",
  description: "Pods that Prometheus can scrape.",
  unit: "short",
  limit: { at: 1, below: true },
  alert: "FrontDown",
  queries: [{ expr: `sum(up{${front}})`, legend: "pods" }],
});
const apiErrors = stat({
  title: "API error rate",
  description: "Share of requests to the API through the front that were answered with 5xx in the last five minutes.",
  unit: "percentunit",
  queries: [
    {
      expr: `(sum(rate(${count}{${front}, route="api", status=~"5.."}[5m])) or vector(0)) / (sum(rate(${count}{${front}, route="api"}[5m])) > 0)`,
      legend: "errors",
    },
  ],
});
const byRoute = timeseries({
  title: "Requests by route",
  description: "Requests per second to the page, to its assets, and through the front to the API.",
  unit: "reqps",
  queries: [{ expr: `sum by (route) (rate(${count}{${front}}[1m]))`, legend: "{{route}}" }],
});
const byStatus = timeseries({
  title: "Responses by status",
  description:
    "Requests per second by route and response status. A 503 on the route api means that no API pod could be reached or that the API rejected the request.",
  unit: "reqps",
  queries: [{ expr: `sum by (route, status) (rate(${count}{${front}}[1m]))`, legend: "{{route}} {{status}}" }],
});
const latency = timeseries({
  title: "Latency",
  description: "For each route, the time within which 99 % of requests are answered.",
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
  description: "How the load is spread over the pods.",
  unit: "reqps",
  queries: [{ expr: `sum by (pod) (rate(${count}{${front}, pod=~"$pod"}[1m]))`, legend: "{{pod}}" }],
});
const connections = timeseries({
  title: "Connections",
  description: "Open connections of each nginx, by state.",
  unit: "short",
  queries: [{ expr: `sum by (pod, state) (nginx_connections{${front}, pod=~"$pod"})`, legend: "{{pod}} {{state}}" }],
});
const sent = timeseries({
  title: "Sent",
  description: "Response bytes per second, including headers.",
  unit: "Bps",
  queries: [
    { expr: `sum by (pod) (rate(nginx_http_response_bytes_total{${front}, pod=~"$pod"}[1m]))`, legend: "{{pod}}" },
  ],
});
const cpu = timeseries({
  title: "CPU",
  description: "CPU cores used by each pod; the autoscaler compares this usage with the CPU request.",
  unit: "short",
  queries: [
    {
      expr: `sum by (pod) (rate(container_cpu_usage_seconds_total{${ns}, container="react", pod=~"$pod"}[2m]))`,
      legend: "{{pod}}",
    },
  ],
});

/** Dashboard `iac-front`: the front's nginx and the traffic through it. */
export const frontDashboard: Dashboard = {
  uid: "iac-front",
  title: "Front",
  description: "Requests, errors, latency and load of the front.",
  choices: [{ name: "pod", title: "Pod", series: 'up{namespace="$namespace", service="react"}', label: "pod" }],
  rows: [
    { title: "Now", panels: [rate, apiErrors, pods] },
    { title: "What visitors see", panels: [byRoute, byStatus, latency] },
    { title: "Pods", panels: [byPod, connections, sent, cpu] },
  ],
};
