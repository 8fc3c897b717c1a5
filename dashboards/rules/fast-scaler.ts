import { selectors } from "../selectors";
import type { AlertProps } from "./rule";

/** Alerts about the fast scaler, if it is deployed. */
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
      summary: "The fast scaler does not decide",
      description:
        "Not exactly one fast scaler is in charge. CPU still scales out, within a minute; nothing scales in.",
    },
    {
      alert: "FastScalerAtMaximum",
      // the HorizontalPodAutoscaler only notices that CPU needs more
      expr: `max by (workload) (scaler_recommended_pods{${scaler}}) > on (workload) max by (workload) (${maximum})`,
      for: "5m",
      severity: "warning",
      summary: "The load of {{ $labels.workload }} needs more pods than its maximum",
      description:
        "The load of {{ $labels.workload }} has asked for {{ $value }} pods, more than its maximum, for 5 minutes.",
    },
    {
      alert: "FastScalerHeld",
      expr: `max by (workload, reason) (scaler_held{${scaler}, reason!="off"}) == 1`,
      for: "2m",
      severity: "warning",
      summary: "The fast scaler cannot fully scale {{ $labels.workload }}",
      description:
        "The fast scaler has been limited for {{ $labels.workload }} for 2 minutes, for the reason {{ $labels.reason }}. It does not scale in.",
    },
  ];
}
