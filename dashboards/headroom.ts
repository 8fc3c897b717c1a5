import { stat, timeseries, type Dashboard } from "./panels";
import { selectors } from "./selectors";
import { THRESHOLDS } from "./thresholds";

const { ns } = selectors("$namespace");
/** Resource requests of all Running or Pending pods, in every namespace. */
const requested = (resource: string, by: string) =>
  `sum${by} (kube_pod_container_resource_requests{resource="${resource}"} and on (namespace, pod) kube_pod_status_phase{phase=~"Running|Pending"} == 1)`;
const allocatable = (resource: string, by = "") => `sum${by} (kube_node_status_allocatable{resource="${resource}"})`;
const request = (container: string) =>
  `scalar(max(kube_pod_container_resource_requests{${ns}, container="${container}", resource="cpu"}))`;
const fits = (container: string) =>
  `sum(floor(clamp_min(${allocatable("cpu", " by (node)")} - ${requested("cpu", " by (node)")}, 0) / ${request(container)}))`;

const podsThatFit = (what: string, container: string) =>
  stat({
    title: `${what} that fit`,
    description: `How many more ${what} fit on the nodes, based on CPU requests. At 0, scale-out stops.`,
    unit: "short",
    width: 6,
    limit: { at: 1, below: true },
    alert: "PodsPending",
    queries: [{ expr: fits(container), legend: what }],
  });
const nodes = stat({
  title: "Nodes ready",
  description: "Nodes that are Ready.",
  unit: "short",
  width: 6,
  queries: [{ expr: 'sum(kube_node_status_condition{condition="Ready", status="true"})', legend: "nodes" }],
});
const pending = stat({
  title: "Pending pods",
  description: "Pods in any namespace that are Pending.",
  unit: "short",
  width: 6,
  limit: { at: 1 },
  alert: "PodsPending",
  queries: [{ expr: 'sum(kube_pod_status_phase{phase="Pending"})', legend: "pending" }],
});
const share = (resource: string, title: string) =>
  timeseries({
    title: `${title}: requested`,
    description: `${title} requests of the pods on each node, as a share of what the node can allocate. The scheduler uses requests, not actual usage.`,
    unit: "percentunit",
    width: 12,
    limit: { at: THRESHOLDS.requested },
    queries: [
      {
        expr: `${requested(resource, " by (node)")} / ${allocatable(resource, " by (node)")}`,
        legend: "{{node}}",
      },
    ],
  });
const usedCpu = timeseries({
  title: "CPU: used",
  description: "CPU cores used by the pods of each namespace.",
  unit: "short",
  width: 12,
  queries: [
    {
      expr: 'topk(8, sum by (namespace) (rate(container_cpu_usage_seconds_total{container!=""}[2m])))',
      legend: "{{namespace}}",
    },
  ],
});
const usedMemory = timeseries({
  title: "Memory: used",
  description: "Memory used by the pods of each namespace.",
  unit: "bytes",
  width: 12,
  queries: [
    {
      expr: 'topk(8, sum by (namespace) (container_memory_working_set_bytes{container!=""}))',
      legend: "{{namespace}}",
    },
  ],
});

/** Dashboard `iac-headroom`: how many more pods the cluster has capacity for. */
export const headroom: Dashboard = {
  uid: "iac-headroom",
  title: "Cluster headroom",
  description:
    "How many more pods fit in the cluster, and which namespaces use its capacity. The autoscalers cannot add nodes.",
  rows: [
    { title: "Now", panels: [podsThatFit("API pods", "node"), podsThatFit("Redis replicas", "redis"), nodes, pending] },
    {
      title: "Nodes",
      panels: [share("cpu", "CPU"), share("memory", "Memory"), usedCpu, usedMemory],
    },
  ],
};
