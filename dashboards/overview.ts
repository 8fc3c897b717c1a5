import { PART_OF } from "../catalog/names";
import { burn, lag, latency, p99, rate } from "./api";
import { stat, timeseries, type Dashboard } from "./panels";
import { linked, mainUp } from "./redis";
import { AUTOSCALERS, CALLER_ROUTES, selectors } from "./selectors";

const { ns, api, hpa } = selectors("$namespace");
const requests = `http_request_duration_seconds_count{${api}, ${CALLER_ROUTES}}`;

const alerts = stat({
  title: "Alerts",
  description: "Number of this system's alerts that are firing. Normally 0.",
  unit: "short",
  limit: { at: 1 },
  queries: [
    {
      expr: `count(ALERTS{${ns}, part_of="${PART_OF}", alertstate="firing", severity!="none"}) or vector(0)`,
      legend: "firing",
    },
  ],
});
const availability = stat({
  title: "Availability",
  description: "Share of requests in the last hour that were not answered with 5xx.",
  unit: "percentunit",
  queries: [
    {
      expr: `1 - (sum(rate(http_request_duration_seconds_count{${api}, ${CALLER_ROUTES}, status=~"5.."}[1h])) or vector(0)) / (sum(rate(${requests}[1h])) > 0)`,
      legend: "availability",
    },
  ],
});

const traffic = timeseries({
  title: "Requests by outcome",
  description: "Requests per second to the API, by status class.",
  unit: "reqps",
  queries: [
    {
      expr: `sum by (class) (label_replace(rate(${requests}[1m]), "class", "\${1}xx", "status", "(.).."))`,
      legend: "{{class}}",
    },
  ],
});
const pods = timeseries({
  title: "Pods",
  description: "Pods of each autoscaled workload.",
  unit: "short",
  queries: [
    { expr: `kube_horizontalpodautoscaler_status_current_replicas{${ns}}`, legend: "{{horizontalpodautoscaler}}" },
  ],
});
const signals = timeseries({
  title: "Load against targets",
  description:
    "The highest signal of each autoscaler, as a share of its target. Above 1.1, pods are added; well below 1, pods are removed, down to the minimum.",
  unit: "percentunit",
  queries: AUTOSCALERS.map(({ name, title }) => ({
    expr: `max(kube_horizontalpodautoscaler_status_target_metric{${hpa(name)}} / on (metric_name, metric_target_type) group_left kube_horizontalpodautoscaler_spec_target_metric{${hpa(name)}})`,
    legend: title,
  })),
});

/** Dashboard `iac-overview`: health and scaling on one screen. */
export const overview: Dashboard = {
  uid: "iac-overview",
  title: "Overview",
  description: "Health and scaling of the whole system on one screen.",
  rows: [
    { title: "Now", panels: [alerts, availability, rate, p99, { ...mainUp, title: "Redis main" }, linked] },
    {
      title: "Over time",
      panels: [traffic, latency, pods, signals, burn, lag].map((panel) => ({ ...panel, width: 12 })),
    },
  ],
};
