/**
 * The signals that engine `keda` and the fast scaler use in addition to CPU: gauges that pods report, listed in
 * docs/scaling.md.
 */
import type { Config } from "../../config";
import { WORKLOAD_NAME } from "../../catalog/workloads";

export interface Signal {
  /** Name of the trigger, unique within its autoscaler. KEDA's formula refers to it, so it cannot contain dashes. */
  readonly name: string;
  /** URL of the metrics: it names a Service, whose pods KEDA looks up, and the pods' port. */
  readonly url: string;
  /** Name of a gauge in the Prometheus text format. */
  readonly metric: string;
  /**
   * `pods`: each pod reports its own value, and the mean is used; `all`: each pod reports the same total, and the
   * highest value is used.
   */
  readonly over: "pods" | "all";
  /** Target value per pod of the scaled workload. */
  readonly target: number;
  /**
   * Highest value that the gauge can have; a higher value is an error in the pod.
   * @default unknown
   */
  readonly max?: number;
}

/** Whether the fast scaler scales a workload that has these signals: it needs the load of each individual pod. */
export const isFast = (config: Pick<Config, "scaling">, signals: readonly Signal[] = []): boolean =>
  config.scaling.fast && signals.some(({ over }) => over === "pods");

/** The signals of each scalable workload, for one configuration. */
export function signals(config: Config, namespace: string): Readonly<Record<"node" | "react" | "replicas", Signal[]>> {
  const { node, react } = config.images;
  const source = (service: string, port: number, path: string | null): string | undefined =>
    path === null ? undefined : `http://${service}.${namespace}.svc:${port}${path}`;
  const api = source(WORKLOAD_NAME.node, node.port, node.metricsPath);
  const front = source(WORKLOAD_NAME.react, react.port, react.metricsPath);
  const signal = (
    url: string | undefined,
    over: Signal["over"],
    name: string,
    metric: string,
    target: number | null,
    max?: number,
  ): Signal[] =>
    url === undefined || target === null
      ? []
      : [{ name, url, metric, over, target, ...(max === undefined ? {} : { max }) }];

  const { scaling } = config;
  return {
    node: [
      ...signal(api, "pods", "requests", "http_requests_per_second", scaling.node.requestsPerPod),
      ...signal(api, "pods", "in_flight", "http_requests_in_flight_mean", scaling.node.inFlightPerPod),
      ...signal(
        api,
        "pods",
        "event_loop",
        "nodejs_eventloop_utilization",
        scaling.node.eventLoopPercent === null ? null : scaling.node.eventLoopPercent / 100,
        1,
      ),
    ],
    react: signal(front, "pods", "requests", "nginx_http_requests_per_second", scaling.react.requestsPerPod),
    // the API queries each replica once a second; a value from Prometheus would be older
    replicas: [
      ...signal(api, "all", "commands", "redis_replicas_commands_per_second", scaling.replicas.commandsPerPod),
      ...signal(api, "all", "clients", "redis_replicas_connected_clients", scaling.replicas.clientsPerPod),
    ],
  };
}
