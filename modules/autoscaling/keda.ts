import { Construct } from "constructs";
import { Chart } from "../kubernetes/helm-chart";
import type { Config } from "../../config";
import { Namespace } from "../kubernetes/namespace";
import { FAST_EVICTION } from "../kubernetes/pod";

/** Release name; the operator's pods carry the label below. */
export const KEDA_RELEASE = "keda";
export const KEDA_OPERATOR_LABELS = { app: "keda-operator" } as const;
/** The API that only one adapter of a cluster can serve. */
export const EXTERNAL_METRICS_API = "v1beta1.external.metrics.k8s.io";

/** Longest wait for a pod's metrics, ms; the autoscaler asks once in 15 s. */
const TIMEOUT_MS = 2000;

export interface KedaProps {
  /** The whole configuration. */
  readonly config: Config;
  /** Namespace whose ScaledObjects KEDA serves; it has permissions nowhere else. */
  readonly namespace: string;
}

/**
 * KEDA: asks pods for their load at the moment at which the Kubernetes autoscaler wants to know,
 * instead of what a store collected some time ago. The scaling itself stays with Kubernetes.
 *
 * Its admission webhooks are off: they would stand in the way of a deploy while it starts.
 */
export class Keda extends Construct {
  constructor(scope: Construct, id: string, props: KedaProps) {
    super(scope, id);
    const { config, namespace } = props;
    const kedaNamespace = new Namespace(this, "namespace", {
      name: config.namespaces.keda,
      enforce: "restricted",
      create: config.namespaces.create,
    });
    const resources = (cpu: string, memory: string, limit: string) => ({
      requests: { cpu, memory },
      // null takes the chart's own CPU limit away: throttled, it would answer late
      limits: { cpu: null, memory: limit },
    });
    const quickProbe = { initialDelaySeconds: 3, periodSeconds: 3 };
    new Chart(this, "chart", {
      config,
      chart: "keda",
      namespace: kedaNamespace.ref,
      releaseName: KEDA_RELEASE,
      values: {
        ...(config.images.mirror === undefined ? {} : { global: { image: { registry: config.images.mirror } } }),
        watchNamespace: namespace,
        webhooks: { enabled: false },
        // our triggers need no credentials
        permissions: { operator: { restrict: { secret: true } }, metricServer: { restrict: { secret: true } } },
        http: { timeout: TIMEOUT_MS },
        image: { pullPolicy: "IfNotPresent" },
        // one of each: of two operators only one listens, and an adapter that drew the other waits for minutes
        operator: { readinessProbe: quickProbe, tolerations: FAST_EVICTION },
        metricsServer: { readinessProbe: quickProbe, tolerations: FAST_EVICTION },
        resources: { operator: resources("30m", "96Mi", "512Mi"), metricServer: resources("20m", "64Mi", "256Mi") },
      },
    });
  }
}
