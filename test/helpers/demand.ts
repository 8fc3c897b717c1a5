/**
 * Total resource requests of all synthesized workloads at their maximum and during a rollout, read from the objects
 * themselves.
 */
import { parseQuantity } from "../../modules/kubernetes/quantity";
import { resources, workloads, type Json, type Synthesized } from "./layers";
import { podSpecOf } from "./pods";

export interface Demand {
  readonly pods: number;
  /** Cores. */
  readonly cpu: number;
  /** Bytes. */
  readonly memory: number;
  readonly volumes: number;
}

export function demand(layers: Partial<Synthesized>): Demand {
  const most = maxima(layers);
  let total: Demand = { pods: 0, cpu: 0, memory: 0, volumes: 0 };
  for (const workload of workloads(layers)) {
    const spec = workload["spec"] as Json;
    const max = most.get(workload["metadata"].name as string) ?? Number(spec["replicas"]);
    const pods = max + surge(spec, max);
    const containers = podSpecOf(workload)!["containers"] as Json[];
    const sum = (of: string) =>
      containers.reduce((s, c) => s + parseQuantity(c["resources"].requests[of] as string), 0);
    total = {
      pods: total.pods + pods,
      cpu: total.cpu + pods * sum("cpu"),
      memory: total.memory + pods * sum("memory"),
      volumes: total.volumes + max * ((spec["volumeClaimTemplates"] as Json[] | undefined)?.length ?? 0),
    };
  }
  return total;
}

/** The maximum number of pods that each autoscaler of either engine allows, by the name of its target. */
function maxima(layers: Partial<Synthesized>): Map<string, number> {
  const hpas = resources(layers, "kubernetes_horizontal_pod_autoscaler_v2").map((r) => {
    const spec = r.body["spec"] as Json;
    return [spec["scale_target_ref"].name as string, Number(spec["max_replicas"])] as const;
  });
  const scaledObjects = resources(layers, "helm_release").flatMap((r) => {
    const spec = (JSON.parse((r.body["values"] as string[])[0]!) as Json)["spec"] as Json | undefined;
    return spec?.["scaleTargetRef"]
      ? [[spec["scaleTargetRef"].name as string, Number(spec["maxReplicaCount"])] as const]
      : [];
  });
  return new Map([...hpas, ...scaledObjects]);
}

function surge(spec: Json, pods: number): number {
  const value = (spec["strategy"] as Json | undefined)?.["rollingUpdate"]?.maxSurge as string | number | undefined;
  if (value === undefined) return 0;
  return typeof value === "string" && value.endsWith("%")
    ? Math.ceil((pods * parseInt(value, 10)) / 100)
    : Number(value);
}
