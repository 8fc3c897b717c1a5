import { selectors } from "../selectors";
import type { AlertProps } from "./rule";

/** Alerts about the fast scaler; used only if it is deployed. */
export function fastScalerAlerts(namespace: string): readonly AlertProps[] {
  const { ns, scaler } = selectors(namespace);
  const maximum = `label_replace(kube_horizontalpodautoscaler_spec_max_replicas{${ns}}, "workload", "$1", "horizontalpodautoscaler", "(.+)")`;
  return [
    {
      alert: "FastScalerDown",
      // absent() covers a scaler that Prometheus cannot find at all
      expr: `absent(scaler_leader{${scaler}}) or sum(scaler_leader{${scaler}}) != 1`,
      for: "1m",
      severity: "warning",
      summary: "The fast scaler makes no decisions",
      description:
        "Either no fast scaler is the leader, or more than one is. The HorizontalPodAutoscalers still add pods for CPU, within a minute; no pods are removed.",
    },
    {
      alert: "FastScalerAtMaximum",
      // the HorizontalPodAutoscaler only detects that CPU requires more pods
      expr: `max by (workload) (scaler_recommended_pods{${scaler}}) > on (workload) max by (workload) (${maximum})`,
      for: "5m",
      severity: "warning",
      summary: "The load on {{ $labels.workload }} requires more pods than its maximum",
      description:
        "The load on {{ $labels.workload }} requires {{ $value }} pods, and has required more than the maximum for 5 minutes.",
    },
    {
      alert: "FastScalerHeld",
      expr: `max by (workload, reason) (scaler_held{${scaler}, reason!="off"}) == 1`,
      for: "2m",
      severity: "warning",
      summary: "The fast scaler cannot fully scale {{ $labels.workload }}",
      description:
        "For 2 minutes, the fast scaler has been unable to fully scale {{ $labels.workload }} (reason: {{ $labels.reason }}). It removes no pods.",
    },
  ];
}
