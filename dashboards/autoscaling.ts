import { timeseries, type Dashboard, type Panel } from "./panels";
import { AUTOSCALERS, selectors } from "./selectors";
import { THRESHOLDS } from "./thresholds";

const { ns, hpa } = selectors("$namespace");
type Target = (typeof AUTOSCALERS)[number];

const pods = ({ name, title }: Target): Panel =>
  timeseries({
    title: `${title}: pods`,
    description: "Current and wanted pods between the bounds. Wanted at the maximum for long: raise it.",
    unit: "short",
    width: 6,
    alert: "AutoscalerAtMaximum",
    queries: [
      { expr: `kube_horizontalpodautoscaler_status_current_replicas{${hpa(name)}}`, legend: "current" },
      { expr: `kube_horizontalpodautoscaler_status_desired_replicas{${hpa(name)}}`, legend: "wanted" },
      { expr: `kube_horizontalpodautoscaler_spec_min_replicas{${hpa(name)}}`, legend: "minimum" },
      { expr: `kube_horizontalpodautoscaler_spec_max_replicas{${hpa(name)}}`, legend: "maximum" },
    ],
  });
const signals = ({ name, title }: Target): Panel =>
  timeseries({
    title: `${title}: signals against their targets`,
    description:
      "Each signal that the autoscaler reads, as a share of its target; the highest decides. Above 1.1 pods come, and one that is missing here cannot be read.",
    unit: "percentunit",
    width: 6,
    alert: "AutoscalerSignalMissing",
    queries: [
      {
        expr: `kube_horizontalpodautoscaler_status_target_metric{${hpa(name)}} / on (metric_name, metric_target_type) group_left kube_horizontalpodautoscaler_spec_target_metric{${hpa(name)}}`,
        legend: "{{metric_name}}",
      },
    ],
  });
const cpu = ({ name, title, container }: Target): Panel =>
  timeseries({
    title: `${title}: CPU against target`,
    description: "CPU as a share of the request, averaged over the pods, and the target it is compared with.",
    unit: "percent",
    width: 6,
    queries: [
      {
        expr: `100 * sum(rate(container_cpu_usage_seconds_total{${ns}, pod=~"${name}-.*", container="${container}"}[2m])) / sum(kube_pod_container_resource_requests{${ns}, pod=~"${name}-.*", container="${container}", resource="cpu"})`,
        legend: "CPU",
      },
      { expr: `kube_horizontalpodautoscaler_spec_target_metric{${hpa(name)}, metric_name="cpu"}`, legend: "target" },
    ],
  });
const decisions = ({ name, title }: Target): Panel =>
  timeseries({
    title: `${title}: decisions`,
    description:
      "Changes of the wanted count in five minutes, up and down, and 1 while the autoscaler is held back by a bound or a rate.",
    unit: "short",
    width: 6,
    limit: { at: THRESHOLDS.turns },
    alert: "AutoscalerFlapping",
    queries: [
      {
        expr: `changes(kube_horizontalpodautoscaler_status_desired_replicas{${hpa(name)}}[5m]) - resets(kube_horizontalpodautoscaler_status_desired_replicas{${hpa(name)}}[5m])`,
        legend: "up",
      },
      { expr: `resets(kube_horizontalpodautoscaler_status_desired_replicas{${hpa(name)}}[5m])`, legend: "down" },
      {
        expr: `kube_horizontalpodautoscaler_status_condition{${hpa(name)}, condition="ScalingLimited", status="true"}`,
        legend: "limited",
      },
    ],
  });
const starts = timeseries({
  title: "From created to Ready",
  description: "Seconds from a pod's creation to its first Ready, for pods of the last ten minutes.",
  unit: "s",
  width: 12,
  queries: [
    {
      expr: `(min_over_time(kube_pod_status_ready_time{${ns}}[10m]) - on (namespace, pod) kube_pod_created{${ns}}) and on (namespace, pod) (time() - kube_pod_created{${ns}} < 600)`,
      legend: "{{pod}}",
    },
  ],
});
const waiting = timeseries({
  title: "Pods that wait",
  description: "Pods that are Pending: for room on a node, a volume, or an image.",
  unit: "short",
  width: 12,
  alert: "PodsPending",
  queries: [{ expr: `sum(kube_pod_status_phase{${ns}, phase="Pending"})`, legend: "pending" }],
});

/** Dashboard `iac-autoscaling`: for each autoscaler its pods, bounds, signals and decisions. */
export const autoscaling: Dashboard = {
  uid: "iac-autoscaling",
  title: "Autoscaling",
  description: "For each autoscaler: pods, wanted pods, bounds, its signals against their targets, its decisions.",
  rows: [
    ...AUTOSCALERS.map((target) => ({
      title: target.title,
      panels: [pods(target), signals(target), cpu(target), decisions(target)],
    })),
    { title: "Pods", panels: [starts, waiting] },
  ],
};
