import { dashboard, stat, timeseries } from "./panels";

/** Dashboard `iac-application`: the API and the front. */
export function application(namespace: string): object {
  const api = `namespace="${namespace}", service="node"`;
  const front = `namespace="${namespace}", service="react"`;
  const cpu = (container: string) =>
    `sum by (pod) (rate(container_cpu_usage_seconds_total{namespace="${namespace}", container="${container}"}[1m]))`;
  return dashboard({
    uid: "iac-application",
    title: "Application",
    description: "Requests, errors, latency and load of the API and the front.",
    rows: [
      {
        title: "Now",
        panels: [
          stat({
            title: "Requests",
            description: "Requests to the API per second, all pods.",
            unit: "reqps",
            queries: [{ expr: `sum(rate(http_request_duration_seconds_count{${api}}[1m]))`, legend: "requests" }],
          }),
          stat({
            title: "Failed",
            description: "Share of requests answered with 5xx.",
            unit: "percentunit",
            queries: [
              {
                expr: `(sum(rate(http_request_duration_seconds_count{${api}, status=~"5.."}[1m])) or vector(0)) / clamp_min(sum(rate(http_request_duration_seconds_count{${api}}[1m])), 0.001)`,
                legend: "failed",
              },
            ],
          }),
          stat({
            title: "p99",
            description: "99 % of requests are answered within this time.",
            unit: "s",
            queries: [
              {
                expr: `histogram_quantile(0.99, sum by (le) (rate(http_request_duration_seconds_bucket{${api}}[1m])))`,
                legend: "p99",
              },
            ],
          }),
          stat({
            title: "API pods",
            description: "API pods that Prometheus reaches.",
            unit: "short",
            queries: [{ expr: `sum(up{${api}})`, legend: "pods" }],
          }),
        ],
      },
      {
        title: "API",
        panels: [
          timeseries({
            title: "Requests by route",
            description: "Requests per second by method and route.",
            unit: "reqps",
            queries: [
              {
                expr: `sum by (method, route) (rate(http_request_duration_seconds_count{${api}}[1m]))`,
                legend: "{{method}} {{route}}",
              },
            ],
          }),
          timeseries({
            title: "Answers by status",
            description: "Requests per second by status. 503 means that Redis did not answer in time.",
            unit: "reqps",
            queries: [
              { expr: `sum by (status) (rate(http_request_duration_seconds_count{${api}}[1m]))`, legend: "{{status}}" },
            ],
          }),
          timeseries({
            title: "Latency",
            description: "Median, 95th and 99th percentile of the answers' duration.",
            unit: "s",
            queries: [0.5, 0.95, 0.99].map((q) => ({
              expr: `histogram_quantile(${q}, sum by (le) (rate(http_request_duration_seconds_bucket{${api}}[1m])))`,
              legend: `p${q * 100}`,
            })),
          }),
          timeseries({
            title: "Requests by pod",
            description: "How the load spreads over the API's pods. A pod near zero beside busy ones sits idle.",
            unit: "reqps",
            queries: [
              { expr: `sum by (pod) (rate(http_request_duration_seconds_count{${api}}[1m]))`, legend: "{{pod}}" },
            ],
          }),
          timeseries({
            title: "Refused",
            description:
              "Requests per second that were refused at once with 503, by the bound that was reached. More pods are needed, or a caller asks too much.",
            unit: "reqps",
            queries: [{ expr: `sum by (reason) (rate(http_requests_shed_total{${api}}[1m]))`, legend: "{{reason}}" }],
          }),
          timeseries({
            title: "In flight",
            description: "Requests in work in each pod. Near node.maxInFlight it refuses more.",
            unit: "short",
            queries: [{ expr: `http_requests_in_flight{${api}}`, legend: "{{pod}}" }],
          }),
          timeseries({
            title: "Event loop",
            description: "Share of time that the event loop of each pod is busy. Near 1 the pod is saturated.",
            unit: "percentunit",
            queries: [{ expr: `nodejs_eventloop_utilization{${api}}`, legend: "{{pod}}" }],
          }),
          timeseries({
            title: "CPU",
            description: "CPU cores used by each API pod; the autoscaler compares it with the request.",
            unit: "short",
            queries: [{ expr: cpu("node"), legend: "{{pod}}" }],
          }),
        ],
      },
      {
        title: "Reads",
        panels: [
          timeseries({
            title: "Reads by replica",
            description:
              "Reads per second that each replica answers, as the API counts them. A new one must join the others within seconds.",
            unit: "reqps",
            queries: [
              {
                expr: `sum by (instance_name) (rate(redis_pool_reads_total{${api}}[1m]))`,
                legend: "{{instance_name}}",
              },
              {
                expr: `sum by (reason) (rate(redis_pool_reads_from_main_total{${api}}[1m]))`,
                legend: "main ({{reason}})",
              },
            ],
          }),
          timeseries({
            title: "Latency by replica",
            description: "Mean time of a replica's answers, as the API sees them.",
            unit: "s",
            queries: [
              {
                expr: `sum by (instance_name) (rate(redis_pool_read_seconds_total{${api}}[1m])) / sum by (instance_name) (rate(redis_pool_reads_total{${api}}[1m]))`,
                legend: "{{instance_name}}",
              },
            ],
          }),
          timeseries({
            title: "Lag that readers see",
            description:
              "How far each replica is at least behind main, the worst over all API pods. Beyond node.maxLagSeconds it gets no reads.",
            unit: "s",
            queries: [
              {
                expr: `max by (instance_name) (redis_pool_replica_lag_seconds{${api}})`,
                legend: "{{instance_name}}",
              },
            ],
          }),
          timeseries({
            title: "Replicas by state",
            description: "Replicas as the API's pods see them, the mean over all pods. All should be serving.",
            unit: "short",
            queries: [{ expr: `avg by (state) (redis_pool_replicas{${api}})`, legend: "{{state}}" }],
          }),
          timeseries({
            title: "Failed and asked again",
            description: "Reads per second that a replica did not answer; another one was asked, no caller noticed.",
            unit: "reqps",
            queries: [
              {
                expr: `sum by (instance_name) (rate(redis_pool_read_failures_total{${api}}[1m]))`,
                legend: "{{instance_name}}",
              },
            ],
          }),
        ],
      },
      {
        title: "Front",
        panels: [
          timeseries({
            title: "Requests by what is asked for",
            description: "Requests per second to each kind of address: the page, its assets, the API behind it.",
            unit: "reqps",
            queries: [
              {
                expr: `sum by (route) (rate(nginx_http_request_duration_seconds_count{${front}}[1m]))`,
                legend: "{{route}}",
              },
            ],
          }),
          timeseries({
            title: "Answers that failed",
            description: "Requests per second answered with 5xx. 503 under api means that no API pod could be reached.",
            unit: "reqps",
            queries: [
              {
                expr: `sum by (route, status) (rate(nginx_http_request_duration_seconds_count{${front}, status=~"5.."}[1m]))`,
                legend: "{{route}} {{status}}",
              },
            ],
          }),
          timeseries({
            title: "Latency",
            description: "99 % of requests are answered within this time, by what is asked for.",
            unit: "s",
            queries: [
              {
                expr: `histogram_quantile(0.99, sum by (le, route) (rate(nginx_http_request_duration_seconds_bucket{${front}}[1m])))`,
                legend: "{{route}}",
              },
            ],
          }),
          timeseries({
            title: "Connections",
            description: "Connections that each nginx holds, by what they are doing.",
            unit: "short",
            queries: [{ expr: `sum by (pod, state) (nginx_connections{${front}})`, legend: "{{pod}} {{state}}" }],
          }),
          timeseries({
            title: "New connections",
            description: "Connections accepted per second by each nginx, those to the API included.",
            unit: "cps",
            queries: [{ expr: `sum by (pod) (rate(nginx_connections_total{${front}}[1m]))`, legend: "{{pod}}" }],
          }),
          timeseries({
            title: "CPU",
            description: "CPU cores used by each front pod.",
            unit: "short",
            queries: [{ expr: cpu("react"), legend: "{{pod}}" }],
          }),
        ],
      },
    ],
  });
}
