import { Construct } from "constructs";
import { METRIC_RESOLUTION_SECONDS } from "./autoscaler";
import { Chart } from "../kubernetes/helm-chart";
import type { Config } from "../../config";
import { FAST_EVICTION, FAST_READINESS } from "../kubernetes/pod";

/** Namespace and release of the metrics-server that we install. */
export const METRICS_SERVER = { namespace: "kube-system", release: "metrics-server" } as const;

export interface MetricsServerProps {
  /** The whole configuration. */
  readonly config: Config;
}

/**
 * Installs metrics-server with its finest resolution, 10 s (the default is 15 s), which limits the age of the CPU
 * metrics that the autoscalers use. Below 10 s, metrics-server refuses to start, and the kubelet timeout must stay
 * below 90 % of the resolution.
 *
 * Two pods run, always on different nodes if the cluster has at least two, so that the autoscalers keep their metrics
 * when a node is lost. The same settings serve any number of nodes, because that number changes and is not part of the
 * configuration.
 */
export class MetricsServer extends Construct {
  constructor(scope: Construct, id: string, props: MetricsServerProps) {
    super(scope, id);
    const { kubeletInsecureTls } = props.config.metricsServer;
    const { mirror } = props.config.images;
    new Chart(this, "chart", {
      config: props.config,
      chart: "metricsServer",
      namespace: METRICS_SERVER.namespace,
      releaseName: METRICS_SERVER.release,
      values: {
        ...(mirror === undefined ? {} : { image: { repository: `${mirror}/metrics-server/metrics-server` } }),
        defaultArgs: [
          "--cert-dir=/tmp",
          "--kubelet-preferred-address-types=InternalIP,ExternalIP,Hostname",
          "--kubelet-use-node-status-port",
          `--metric-resolution=${METRIC_RESOLUTION_SECONDS}s`,
          `--kubelet-request-timeout=${METRIC_RESOLUTION_SECONDS - 1}s`,
        ],
        args: kubeletInsecureTls ? ["--kubelet-insecure-tls"] : [],
        resources: { requests: { cpu: "30m", memory: "48Mi" }, limits: { memory: "192Mi" } },
        readinessProbe: FAST_READINESS,
        replicas: 2,
        podDisruptionBudget: { enabled: true, maxUnavailable: 1 },
        tolerations: FAST_EVICTION,
        topologySpreadConstraints: [
          {
            topologyKey: "kubernetes.io/hostname",
            maxSkew: 1,
            // with one node, both pods run on it, which does not count as skew
            whenUnsatisfiable: "DoNotSchedule",
            // ignores a lost node; otherwise, in a two-node cluster, the replacement pod would wait for that node
            nodeTaintsPolicy: "Honor",
            // compares only pods of the same rollout; otherwise, both could end up on one node
            matchLabelKeys: ["pod-template-hash"],
            labelSelector: {
              matchLabels: {
                "app.kubernetes.io/name": METRICS_SERVER.release,
                "app.kubernetes.io/instance": METRICS_SERVER.release,
              },
            },
          },
        ],
      },
    });
  }
}
