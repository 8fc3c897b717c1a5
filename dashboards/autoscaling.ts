import { timeseries, type Dashboard, type Panel } from "./panels";
import { AUTOSCALERS, selectors } from "./selectors";
import { THRESHOLDS } from "./thresholds";

const { ns, hpa, scaler } = selectors("$namespace");
type Target = (typeof AUTOSCALERS)[number];

const pods = ({ name, title }: Target): Panel =>
  timeseries({
    title: `${title}: pods`,
    description:
      "Current and desired pods, with minimum and maximum. If the desired count stays at the maximum, raise the maximum.",
    unit: "short",
    width: 6,
    alert: "AutoscalerAtMaximum",
    queries: [
      { expr: `kube_horizontalpodautoscaler_status_current_replicas{${hpa(name)}}`, legend: "current" },
      { expr: `kube_horizontalpodautoscaler_status_desired_replicas{${hpa(name)}}`, legend: "desired" },
      { expr: `kube_horizontalpodautoscaler_spec_min_replicas{${hpa(name)}}`, legend: "minimum" },
      { expr: `kube_horizontalpodautoscaler_spec_max_replicas{${hpa(name)}}`, legend: "maximum" },
    ],
  });
const signals = ({ name, title }: Target): Panel =>
  timeseries({
    title: `${title}: signals against their targets`,
    description:
      "Each signal that the autoscaler reads, as a share of its target; the highest one decides. Above 1.1, pods are added. A signal that is not shown could not be read.",
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
    description: "CPU usage as a share of the request, averaged over the pods, and its target.",
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
      "How often the desired count went up and down within five minutes. The line 'limited' is 1 while a bound or a rate limit holds the autoscaler back.",
    unit: "short",
    width: 6,
    limit: { at: THRESHOLDS.flaps },
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
const timeToReady = timeseries({
  title: "Time to Ready",
  description: "Seconds from a pod's creation until it first became Ready, for pods created in the last ten minutes.",
  unit: "s",
  width: 12,
  queries: [
    {
      expr: `(min_over_time(kube_pod_status_ready_time{${ns}}[10m]) - on (namespace, pod) kube_pod_created{${ns}}) and on (namespace, pod) (time() - kube_pod_created{${ns}} < 600)`,
      legend: "{{pod}}",
    },
  ],
});
const pending = timeseries({
  title: "Pending pods",
  description: "Pods that are waiting for capacity on a node, for a volume or for an image.",
  unit: "short",
  width: 12,
  alert: "PodsPending",
  queries: [{ expr: `sum(kube_pod_status_phase{${ns}, phase="Pending"})`, legend: "pending" }],
});

const fastCounts = timeseries({
  title: "Fast scaler: pods needed for the load",
  description:
    "For each workload, the replica count that the current load requires, including spare pods, and the one that the fast scaler sets after it has applied the window, the policies and the bounds.",
  unit: "short",
  width: 8,
  alert: "FastScalerDown",
  queries: [
    { expr: `max by (workload) (scaler_recommended_pods{${scaler}})`, legend: "{{workload}}: load" },
    { expr: `max by (workload) (scaler_wanted_pods{${scaler}})`, legend: "{{workload}}: set" },
  ],
});
const fastDecisions = timeseries({
  title: "Fast scaler: replica count changes",
  description: "Number of times that the fast scaler changed a replica count in the last five minutes, by direction.",
  unit: "short",
  width: 8,
  queries: [
    {
      expr: `sum by (workload, direction) (increase(scaler_decisions_total{${scaler}}[5m]))`,
      legend: "{{workload}}: {{direction}}",
    },
  ],
});
const fastHeld = timeseries({
  title: "Fast scaler: scaling held back",
  description:
    "Reasons why the fast scaler currently does less than it could for a workload; the panel is empty if nothing limits it.",
  unit: "short",
  width: 8,
  alert: "FastScalerHeld",
  queries: [{ expr: `max by (workload, reason) (scaler_held{${scaler}}) == 1`, legend: "{{workload}}: {{reason}}" }],
});

/** Dashboard `iac-autoscaling`: pods, bounds, signals and decisions of each autoscaler. */
export const autoscaling: Dashboard = {
  uid: "iac-autoscaling",
  title: "Autoscaling",
  description: "For each autoscaler: current and desired pods, bounds, signals against their targets, and decisions.",
  rows: [
    ...AUTOSCALERS.map((target) => ({
      title: target.title,
      panels: [pods(target), signals(target), cpu(target), decisions(target)],
    })),
    { title: "Fast scaler", panels: [fastCounts, fastDecisions, fastHeld], onlyFast: true },
    { title: "Pods", panels: [timeToReady, pending] },
  ],
};
