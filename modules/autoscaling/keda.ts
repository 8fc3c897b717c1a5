import { Construct } from "constructs";
import { Chart } from "../kubernetes/helm-chart";
import type { Config } from "../../config";
import { Namespace } from "../kubernetes/namespace";
import { FAST_EVICTION } from "../kubernetes/pod";

/** Name of the Helm release. */
export const KEDA_RELEASE = "keda";
/** Labels of the operator's pods. */
export const KEDA_OPERATOR_LABELS = { app: "keda-operator" } as const;
/** The APIService, which only one adapter per cluster can serve. */
export const EXTERNAL_METRICS_API = "v1beta1.external.metrics.k8s.io";

/** Timeout for a request for a pod's metrics, in ms; the autoscaler reads them every 15 s. */
const TIMEOUT_MS = 2000;

export interface KedaProps {
  /** The whole configuration. */
  readonly config: Config;
  /** Namespace whose ScaledObjects KEDA handles; KEDA has no permissions elsewhere. */
  readonly namespace: string;
}

/**
 * Installs KEDA, which reads the load from the pods whenever the Kubernetes autoscaler evaluates it, so the values are
 * fresher than scraped ones. The Kubernetes autoscaler still does the scaling.
 *
 * KEDA's admission webhooks are disabled, because they would block a deployment while KEDA starts.
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
      // null removes the chart's CPU limit, because a throttled KEDA answers late
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
        // one replica each: with two operators, only the leader listens, and an adapter that picks the other one waits
        // for minutes
        operator: { readinessProbe: quickProbe, tolerations: FAST_EVICTION },
        metricsServer: { readinessProbe: quickProbe, tolerations: FAST_EVICTION },
        resources: { operator: resources("30m", "96Mi", "512Mi"), metricServer: resources("20m", "64Mi", "256Mi") },
      },
    });
  }
}
