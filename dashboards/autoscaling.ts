import { dashboard, timeseries } from "./panels";

/** What each autoscaler scales: its name, and the container whose CPU it measures. */
const TARGETS = [
  { hpa: "node", container: "node" },
  { hpa: "react", container: "react" },
  { hpa: "redis-replicas", container: "redis" },
  { hpa: "redis-exporter", container: "exporter" },
] as const;

/** Dashboard `iac-autoscaling`: for each autoscaler its pods, bounds and signal. */
export function autoscaling(namespace: string): object {
  const hpa = (name: string) => `namespace="${namespace}", horizontalpodautoscaler="${name}"`;
  return dashboard({
    uid: "iac-autoscaling",
    title: "Autoscaling",
    description: "For each autoscaler: pods, wanted pods, bounds, and its signal against the target.",
    rows: TARGETS.map(({ hpa: name, container }) => ({
      title: name,
      panels: [
        timeseries({
          title: `${name}: pods`,
          description: "Current and wanted pods between the bounds. Wanted at the maximum for long: raise it.",
          unit: "short",
          width: 8,
          queries: [
            { expr: `kube_horizontalpodautoscaler_status_current_replicas{${hpa(name)}}`, legend: "current" },
            { expr: `kube_horizontalpodautoscaler_status_desired_replicas{${hpa(name)}}`, legend: "wanted" },
            { expr: `kube_horizontalpodautoscaler_spec_min_replicas{${hpa(name)}}`, legend: "minimum" },
            { expr: `kube_horizontalpodautoscaler_spec_max_replicas{${hpa(name)}}`, legend: "maximum" },
          ],
        }),
        timeseries({
          title: `${name}: CPU against target`,
          description: "CPU as a share of the request, averaged over the pods, and the target it is compared with.",
          unit: "percent",
          width: 8,
          queries: [
            {
              expr: `100 * sum(rate(container_cpu_usage_seconds_total{namespace="${namespace}", pod=~"${name}-.*", container="${container}"}[1m])) / sum(kube_pod_container_resource_requests{namespace="${namespace}", pod=~"${name}-.*", container="${container}", resource="cpu"})`,
              legend: "CPU",
            },
            {
              expr: `kube_horizontalpodautoscaler_spec_target_metric{${hpa(name)}, metric_name="cpu"}`,
              legend: "target",
            },
          ],
        }),
        timeseries({
          title: `${name}: signals against their targets`,
          description:
            "Each signal that the autoscaler reads, as a share of its target; the highest decides. Above 1.1 pods come, and one that is missing here cannot be read.",
          unit: "percentunit",
          width: 8,
          queries: [
            {
              expr: `kube_horizontalpodautoscaler_status_target_metric{${hpa(name)}} / on (metric_name, metric_target_type) group_left kube_horizontalpodautoscaler_spec_target_metric{${hpa(name)}}`,
              legend: "{{metric_name}}",
            },
          ],
        }),
      ],
    })),
  });
}
