import { stat, timeseries, type Dashboard } from "./panels";
import { AUTOSCALERS, selectors, WORK_ROUTES } from "./selectors";
import { BURN } from "./rules/objectives";
import { THRESHOLDS } from "./thresholds";

const { ns, api, main, replicas } = selectors("$namespace");
const requests = `http_request_duration_seconds_count{${api}, ${WORK_ROUTES}}`;

const alerts = stat({
  title: "Alerts",
  description: "Alerts of this system that fire now. None is the usual state.",
  unit: "short",
  limit: { at: 1 },
  queries: [
    {
      expr: `count(ALERTS{${ns}, part_of="iacproject", alertstate="firing", severity!="none"}) or vector(0)`,
      legend: "firing",
    },
  ],
});
const answered = stat({
  title: "Answered",
  description: "Share of requests in the last hour that were not answered with 5xx.",
  unit: "percentunit",
  queries: [
    {
      expr: `1 - (sum(rate(http_request_duration_seconds_count{${api}, ${WORK_ROUTES}, status=~"5.."}[1h])) or vector(0)) / (sum(rate(${requests}[1h])) > 0)`,
      legend: "answered",
    },
  ],
});
const rate = stat({
  title: "Requests",
  description: "Requests to the API per second, all pods.",
  unit: "reqps",
  queries: [{ expr: `sum(rate(${requests}[1m]))`, legend: "requests" }],
});
const p99 = stat({
  title: "p99",
  description: "99 % of requests in the last five minutes were answered within this time.",
  unit: "s",
  queries: [
    {
      expr: `histogram_quantile(0.99, sum by (le) (rate(http_request_duration_seconds_bucket{${api}, ${WORK_ROUTES}}[5m])))`,
      legend: "p99",
    },
  ],
});
const mainUp = stat({
  title: "Redis main",
  description: "Instances of Redis main that answer. Without one no write succeeds.",
  unit: "short",
  limit: { at: 1, below: true },
  alert: "RedisMainDown",
  queries: [{ expr: `sum(redis_up{${main}})`, legend: "main" }],
});
const linked = stat({
  title: "Replicas linked",
  description: "Replicas whose link to main is up. Without one, main answers the reads.",
  unit: "short",
  limit: { at: 1, below: true },
  alert: "RedisReplicaUnlinked",
  queries: [{ expr: `sum(redis_master_link_up{${replicas}})`, legend: "linked" }],
});

const traffic = timeseries({
  title: "Requests by outcome",
  description: "Requests to the API per second, by what became of them.",
  unit: "reqps",
  width: 12,
  queries: [
    {
      expr: `sum by (class) (label_replace(rate(${requests}[1m]), "class", "\${1}xx", "status", "(.).."))`,
      legend: "{{class}}",
    },
  ],
});
const latency = timeseries({
  title: "Latency",
  description: "Half, 95 % and 99 % of requests are answered within these times.",
  unit: "s",
  width: 12,
  queries: [0.5, 0.95, 0.99].map((q) => ({
    expr: `histogram_quantile(${q}, sum by (le) (rate(http_request_duration_seconds_bucket{${api}, ${WORK_ROUTES}}[1m])))`,
    legend: `p${q * 100}`,
  })),
});
const pods = timeseries({
  title: "Pods",
  description: "Pods of each part that scales by itself.",
  unit: "short",
  width: 12,
  queries: [
    { expr: `kube_horizontalpodautoscaler_status_current_replicas{${ns}}`, legend: "{{horizontalpodautoscaler}}" },
  ],
});
const burn = timeseries({
  title: "Error budget",
  description:
    "How many times faster than allowed the budget of each objective is used, over the last hour. At 1 it lasts exactly as long as it must; at the line somebody is called.",
  unit: "short",
  width: 12,
  limit: { at: BURN.fast },
  alert: "ApiBudgetBurnsFast",
  queries: [{ expr: `namespace_objective:http_requests:burn_rate1h{${ns}} >= 0`, legend: "{{objective}}" }],
});
const lag = timeseries({
  title: "Lag that readers see",
  description: "How far each replica is at least behind main, the worst over all API pods.",
  unit: "s",
  width: 12,
  limit: { at: THRESHOLDS.replicaLag },
  alert: "RedisReplicaLagging",
  queries: [{ expr: `max by (instance_name) (redis_pool_replica_lag_seconds{${api}})`, legend: "{{instance_name}}" }],
});
const signals = timeseries({
  title: "Load against targets",
  description:
    "The highest signal of each autoscaler as a share of its target. Above 1.1 pods are added; far below 1, with more than the minimum, some go.",
  unit: "percentunit",
  width: 12,
  queries: AUTOSCALERS.map(({ name, title }) => ({
    expr: `max(kube_horizontalpodautoscaler_status_target_metric{${selectors("$namespace").hpa(name)}} / on (metric_name, metric_target_type) group_left kube_horizontalpodautoscaler_spec_target_metric{${selectors("$namespace").hpa(name)}})`,
    legend: title,
  })),
});

/** Dashboard `iac-overview`: is it healthy, is it scaling, on one screen. */
export const overview: Dashboard = {
  uid: "iac-overview",
  title: "Overview",
  description: "Is it healthy, is it scaling: the whole system on one screen.",
  rows: [
    { title: "Now", panels: [alerts, answered, rate, p99, mainUp, linked] },
    { title: "Over time", panels: [traffic, latency, pods, signals, burn, lag] },
  ],
};
