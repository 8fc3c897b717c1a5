import { PART_OF } from "../../catalog/names";
import {
  COMPONENTS,
  EXPORTER_PORT,
  headlessName,
  REDIS_PORT,
  WORKLOAD_NAME,
  workloadOf,
  type Component,
} from "../../catalog/workloads";
import type { Config } from "../../config";
import { deployedComponents, metricsPath } from "../kubernetes/sizing";
import { redisScheme } from "../redis/tls";

/** Services to monitor, from the outputs of layer `data`. */
export interface MonitoredServices {
  /** Namespace of the application. */
  readonly namespace: string;
  /** Service of the exporter. */
  readonly exporterHost: string;
}

export interface ServiceMonitor {
  /** Name of the ServiceMonitor. */
  readonly name: string;
  /**
   * Service label whose value becomes label `job`.
   * @default the Service's name
   */
  readonly jobLabel?: string;
  /** Label selector of the Services. */
  readonly selector: object;
  /** Namespaces that are searched for Services. */
  readonly namespaceSelector: { readonly matchNames: readonly string[] };
  /** Endpoints to scrape, as the Prometheus operator's API defines them. */
  readonly endpoints: readonly object[];
}

const INTERVAL = "10s";
const SCRAPE_TIMEOUT = "5s";

const byService = (...names: string[]) => ({
  matchLabels: { "app.kubernetes.io/part-of": PART_OF },
  matchExpressions: [{ key: "iacproject/service", operator: "In", values: names }],
});

/**
 * ServiceMonitors of the application, in the format of the chart's `additionalServiceMonitors`.
 *
 * Redis instances are discovered through their headless Services (so a replica is scraped from its first second, Ready
 * or not) and scraped through the exporter: the pod's name becomes the target parameter, and the exporter's Service
 * becomes the address.
 */
export function serviceMonitors(services: MonitoredServices, config: Config): readonly ServiceMonitor[] {
  const namespaceSelector = { matchNames: [services.namespace] };
  const own = (component: Component, path?: string): ServiceMonitor => ({
    name: `${PART_OF}-${WORKLOAD_NAME[component]}`,
    selector: byService(WORKLOAD_NAME[component]),
    namespaceSelector,
    endpoints: [
      {
        port: workloadOf(component).port.name,
        ...(path === undefined ? {} : { path }),
        interval: INTERVAL,
        scrapeTimeout: SCRAPE_TIMEOUT,
      },
    ],
  });
  const throughExporter = COMPONENTS.filter((c) => workloadOf(c).metrics === "exporter");
  const served = deployedComponents(config)
    .filter((c) => c !== "redis-exporter")
    .flatMap((component) => {
      const path = metricsPath(config, component);
      return path === null ? [] : [own(component, path)];
    });
  return [
    ...served,
    {
      name: `${PART_OF}-redis`,
      selector: byService(...throughExporter.map(headlessName)),
      namespaceSelector,
      endpoints: [
        {
          port: "redis",
          path: "/scrape",
          interval: INTERVAL,
          scrapeTimeout: SCRAPE_TIMEOUT,
          relabelings: [
            {
              sourceLabels: ["__meta_kubernetes_pod_name", "__meta_kubernetes_service_name"],
              separator: ".",
              regex: "(.+)",
              targetLabel: "__param_target",
              replacement: `${redisScheme(config.redis)}://$1:${REDIS_PORT}`,
            },
            { sourceLabels: ["__meta_kubernetes_pod_name"], targetLabel: "instance" },
            { targetLabel: "job", replacement: "redis" },
            {
              targetLabel: "__address__",
              replacement: `${services.exporterHost}.${services.namespace}.svc:${EXPORTER_PORT}`,
            },
          ],
        },
      ],
    },
    // without a path: Prometheus' default is right
    own("redis-exporter"),
  ];
}
