import { selectors } from "../selectors";
import { THRESHOLDS } from "../thresholds";
import type { AlertProps } from "./rule";

/** Alerts about the autoscalers and the pods that they ask for. */
export function autoscalingAlerts(namespace: string): readonly AlertProps[] {
  const { ns } = selectors(namespace);
  const wanted = `kube_horizontalpodautoscaler_status_desired_replicas{${ns}}`;
  // scaled to 0 by hand it reads nothing, and need not
  const unlessOff = `unless on (namespace, horizontalpodautoscaler) ${wanted} == 0`;
  // what an increase counts outlives its pod by the whole time looked at
  const exists = `kube_pod_container_status_restarts_total{${ns}}`;
  return [
    {
      alert: "AutoscalerAtMaximum",
      // without ScalingLimited it would fire on a part that is content at its maximum
      expr: `${wanted} >= on (namespace, horizontalpodautoscaler) kube_horizontalpodautoscaler_spec_max_replicas{${ns}} and on (namespace, horizontalpodautoscaler) kube_horizontalpodautoscaler_status_condition{${ns}, condition="ScalingLimited", status="true"} == 1`,
      for: "5m",
      severity: "warning",
      summary: "{{ $labels.horizontalpodautoscaler }} wants more pods than it may have",
      description:
        "The autoscaler {{ $labels.horizontalpodautoscaler }} has been held at its maximum, {{ $value }}, for 5 minutes.",
    },
    {
      alert: "AutoscalerBlind",
      expr: `kube_horizontalpodautoscaler_status_condition{${ns}, condition="ScalingActive", status="false"} == 1 ${unlessOff}`,
      for: "3m",
      severity: "critical",
      summary: "{{ $labels.horizontalpodautoscaler }} cannot read its metrics",
      description: "The autoscaler {{ $labels.horizontalpodautoscaler }} does not scale: it gets no metrics.",
    },
    {
      alert: "AutoscalerSignalMissing",
      // what the autoscaler was told to read, less what it says that it has read
      expr: `kube_horizontalpodautoscaler_spec_target_metric{${ns}} unless on (namespace, horizontalpodautoscaler, metric_name) kube_horizontalpodautoscaler_status_target_metric{${ns}} ${unlessOff}`,
      for: "3m",
      severity: "warning",
      summary: "{{ $labels.horizontalpodautoscaler }} does without one of its signals",
      description:
        "The autoscaler {{ $labels.horizontalpodautoscaler }} cannot read {{ $labels.metric_name }} (target {{ $value }}): it adds pods by its other signals, and takes none away.",
    },
    {
      alert: "AutoscalerFlapping",
      // a rise and a fall each time it turns round; a single excursion takes three of each
      expr: `resets(${wanted}[30m]) >= ${THRESHOLDS.turns} and changes(${wanted}[30m]) - resets(${wanted}[30m]) >= ${THRESHOLDS.turns}`,
      for: "0s",
      severity: "warning",
      summary: "{{ $labels.horizontalpodautoscaler }} cannot make up its mind",
      description:
        "The autoscaler {{ $labels.horizontalpodautoscaler }} took pods away {{ $value }} times in 30 minutes and brought them back as often.",
    },
    {
      alert: "PodsPending",
      expr: `sum by (namespace, pod) (kube_pod_status_phase{${ns}, phase="Pending"}) > 0`,
      for: "5m",
      severity: "warning",
      summary: "{{ $labels.pod }} cannot start",
      description: "The pod has been pending for 5 minutes: the cluster may be full, or an image missing.",
    },
    {
      alert: "PodRestarting",
      expr: `increase(kube_pod_container_status_restarts_total{${ns}}[15m]) >= ${THRESHOLDS.restarts} and ${exists}`,
      for: "0s",
      severity: "warning",
      summary: "{{ $labels.pod }} keeps restarting",
      description: "Container {{ $labels.container }} restarted {{ $value | humanize }} times in 15 minutes.",
    },
    {
      alert: "PodKilledForMemory",
      // the reason is not told while the container is between two lives
      expr: `max_over_time(kube_pod_container_status_last_terminated_reason{${ns}, reason="OOMKilled"}[5m]) == 1 and on (namespace, pod, container) increase(kube_pod_container_status_restarts_total{${ns}}[15m]) > 0 and on (namespace, pod, container) ${exists}`,
      for: "0s",
      severity: "critical",
      summary: "{{ $labels.pod }} was killed for its memory",
      description: "Container {{ $labels.container }} reached its memory limit and was killed within 15 minutes.",
    },
  ];
}
