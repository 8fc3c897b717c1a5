import { selectors } from "../selectors";
import { THRESHOLDS } from "../thresholds";
import type { AlertProps } from "./rule";

/** Alerts about the autoscalers and their pods. */
export function autoscalingAlerts(namespace: string): readonly AlertProps[] {
  const { ns } = selectors(namespace);
  const wanted = `kube_horizontalpodautoscaler_status_desired_replicas{${ns}}`;
  // a workload that was scaled to 0 manually has no metrics and needs none
  const unlessOff = `unless on (namespace, horizontalpodautoscaler) ${wanted} == 0`;
  // increase() keeps counting a deleted pod's restarts until its window ends
  const exists = `kube_pod_container_status_restarts_total{${ns}}`;
  return [
    {
      alert: "AutoscalerAtMaximum",
      // without ScalingLimited, it would fire for a workload that needs exactly its maximum
      expr: `${wanted} >= on (namespace, horizontalpodautoscaler) kube_horizontalpodautoscaler_spec_max_replicas{${ns}} and on (namespace, horizontalpodautoscaler) kube_horizontalpodautoscaler_status_condition{${ns}, condition="ScalingLimited", status="true"} == 1`,
      for: "5m",
      severity: "warning",
      summary: "{{ $labels.horizontalpodautoscaler }} needs more pods than its maximum",
      description:
        "The autoscaler {{ $labels.horizontalpodautoscaler }} has been at its maximum of {{ $value }} pods for 5 minutes and needs more.",
    },
    {
      alert: "AutoscalerBlind",
      expr: `kube_horizontalpodautoscaler_status_condition{${ns}, condition="ScalingActive", status="false"} == 1 ${unlessOff}`,
      for: "3m",
      severity: "critical",
      summary: "{{ $labels.horizontalpodautoscaler }} cannot read its metrics",
      description: "The autoscaler {{ $labels.horizontalpodautoscaler }} gets no metrics, so it does not scale.",
    },
    {
      alert: "AutoscalerSignalMissing",
      // metrics that are in the autoscaler's spec but not in its status
      expr: `kube_horizontalpodautoscaler_spec_target_metric{${ns}} unless on (namespace, horizontalpodautoscaler, metric_name) kube_horizontalpodautoscaler_status_target_metric{${ns}} ${unlessOff}`,
      for: "3m",
      severity: "warning",
      summary: "{{ $labels.horizontalpodautoscaler }} cannot read one of its signals",
      description:
        "The autoscaler {{ $labels.horizontalpodautoscaler }} cannot read {{ $labels.metric_name }} (target {{ $value }}). It scales out based on its other signals, but does not scale in.",
    },
    {
      alert: "AutoscalerFlapping",
      // a flap is a decrease followed by an increase; a single peak causes three of each
      expr: `resets(${wanted}[30m]) >= ${THRESHOLDS.flaps} and changes(${wanted}[30m]) - resets(${wanted}[30m]) >= ${THRESHOLDS.flaps}`,
      for: "0s",
      severity: "warning",
      summary: "{{ $labels.horizontalpodautoscaler }} is flapping",
      description:
        "The autoscaler {{ $labels.horizontalpodautoscaler }} scaled in {{ $value }} times within 30 minutes, and out again about as often.",
    },
    {
      alert: "PodsPending",
      expr: `sum by (namespace, pod) (kube_pod_status_phase{${ns}, phase="Pending"}) > 0`,
      for: "5m",
      severity: "warning",
      summary: "{{ $labels.pod }} cannot start",
      description: "The pod has been pending for 5 minutes: the cluster may be full, or an image may be missing.",
    },
    {
      alert: "PodOnLostNode",
      // Kubernetes marks the pods on a lost node as not Ready, but only the node's kubelet could change the status of
      // their containers. So the alert needs no permission to read nodes. Pods of Deployments are replaced anyway.
      expr: `kube_pod_status_ready{${ns}, condition="false"} == 1 and on (namespace, pod) min by (namespace, pod) (kube_pod_container_status_ready{${ns}}) == 1 and on (namespace, pod) kube_pod_info{${ns}, created_by_kind="StatefulSet"}`,
      for: "1m",
      severity: "warning",
      summary: "{{ $labels.pod }} is on a lost node",
      description:
        "The node of {{ $labels.pod }} has stopped reporting. The pod is not replaced while the node exists in Kubernetes.",
    },
    {
      alert: "PodRestarting",
      expr: `increase(kube_pod_container_status_restarts_total{${ns}}[15m]) >= ${THRESHOLDS.restarts} and ${exists}`,
      for: "0s",
      severity: "warning",
      summary: "{{ $labels.pod }} keeps restarting",
      description: "Container {{ $labels.container }} restarted {{ $value | humanize }} times within 15 minutes.",
    },
    {
      alert: "PodKilledForMemory",
      // kube-state-metrics does not export the reason while the container is being restarted
      expr: `max_over_time(kube_pod_container_status_last_terminated_reason{${ns}, reason="OOMKilled"}[5m]) == 1 and on (namespace, pod, container) increase(kube_pod_container_status_restarts_total{${ns}}[15m]) > 0 and on (namespace, pod, container) ${exists}`,
      for: "0s",
      severity: "critical",
      summary: "{{ $labels.pod }} was killed for exceeding its memory limit",
      description:
        "Container {{ $labels.container }} reached its memory limit and was killed within the last 15 minutes.",
    },
  ];
}
