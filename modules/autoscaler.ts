import { Construct } from "constructs";
import { HorizontalPodAutoscalerV2 } from "@cdktf/provider-kubernetes/lib/horizontal-pod-autoscaler-v2";
import type { ScalingConfig } from "./config";
import { labels, WORKLOADS, type Component } from "./names";

/** metrics-server's resolution as we install it, seconds. */
export const METRIC_RESOLUTION_SECONDS = 10;

export interface AutoscalerProps {
  readonly component: Component;
  readonly namespace: string;
  readonly targetKind: "Deployment" | "StatefulSet";
  /** Container whose CPU counts; a sidecar's would dilute it (kubernetes#79365). */
  readonly container: string;
  readonly scaling: ScalingConfig;
}

/**
 * The HorizontalPodAutoscaler of one workload, under the workload's own name.
 *
 * Quick up: no stabilization, and every 15 s (the controller's own period) the larger of
 * `scaleUpPercent` and two pods. Slow down: the highest wish of the window counts, and at most
 * half of the pods go a minute, so that a pause in the load does not cost a new start-up.
 */
export class Autoscaler extends Construct {
  constructor(scope: Construct, id: string, props: AutoscalerProps) {
    super(scope, id);
    const { min, max, cpuTarget, scaleUpPercent, scaleDownWindowSeconds } = props.scaling;
    const name = WORKLOADS[props.component];
    if (min > max) throw new Error(`autoscaler ${name}: min is ${min}, above max ${max}`);
    if (scaleDownWindowSeconds < 2 * METRIC_RESOLUTION_SECONDS) {
      throw new Error(
        `autoscaler ${name}: scaleDownWindowSeconds is ${scaleDownWindowSeconds}, ` +
          `below two metric ages (${2 * METRIC_RESOLUTION_SECONDS} s): it would act on noise`,
      );
    }
    new HorizontalPodAutoscalerV2(this, "hpa", {
      metadata: { name, namespace: props.namespace, labels: labels(props.component) },
      spec: {
        minReplicas: min,
        maxReplicas: max,
        scaleTargetRef: { apiVersion: "apps/v1", kind: props.targetKind, name },
        metric: [
          {
            type: "ContainerResource",
            containerResource: {
              name: "cpu",
              container: props.container,
              target: { type: "Utilization", averageUtilization: cpuTarget },
            },
          },
        ],
        behavior: {
          scaleUp: [
            {
              stabilizationWindowSeconds: 0,
              selectPolicy: "Max",
              policy: [
                { type: "Percent", value: scaleUpPercent, periodSeconds: 15 },
                { type: "Pods", value: 2, periodSeconds: 15 },
              ],
            },
          ],
          scaleDown: [
            {
              stabilizationWindowSeconds: scaleDownWindowSeconds,
              selectPolicy: "Max",
              policy: [
                { type: "Percent", value: 50, periodSeconds: 60 },
                { type: "Pods", value: 1, periodSeconds: 60 },
              ],
            },
          ],
        },
      },
    });
  }
}
