import { Construct } from "constructs";
import { PodDisruptionBudgetV1 } from "@cdktf/provider-kubernetes/lib/pod-disruption-budget-v1";
import { labels, selectorLabels } from "../../catalog/names";
import { WORKLOAD_NAME, type Component } from "../../catalog/workloads";

export interface DisruptionBudgetProps {
  /** Workload that the objects belong to. */
  readonly component: Component;
  /** Namespace that the objects are created in. */
  readonly namespace: string;
}

/**
 * Limits voluntary disruptions (a node drain, an upgrade) to one pod of a component at a time.
 *
 * It sets `maxUnavailable` rather than `minAvailable`, because this value fits any number of pods that the autoscaler
 * chooses, and a single pod (main) can still be evicted. So our pods never block a drain.
 */
export class DisruptionBudget extends Construct {
  constructor(scope: Construct, id: string, props: DisruptionBudgetProps) {
    super(scope, id);
    new PodDisruptionBudgetV1(this, "pdb", {
      metadata: { name: WORKLOAD_NAME[props.component], namespace: props.namespace, labels: labels(props.component) },
      spec: { maxUnavailable: "1", selector: { matchLabels: selectorLabels(props.component) } },
    });
  }
}
