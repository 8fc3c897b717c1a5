import { EXPORTER_PORT, PART_OF, WORKLOADS } from "../../catalog/names";

/** What layers `data` and `app` say about their Services. */
export interface MonitoredServices {
  readonly namespace: string;
  readonly exporterHost: string;
  /** How the exporter reaches an instance. */
  readonly redisScheme: "redis" | "rediss";
  /** Path of the API's metrics; null where its image has none. */
  readonly nodeMetricsPath: string | null;
  /** Path of the front's metrics; null where its image has none. */
  readonly reactMetricsPath: string | null;
}

export interface ServiceMonitor {
  readonly name: string;
  readonly jobLabel?: string;
  readonly selector: object;
  readonly namespaceSelector: { readonly matchNames: readonly string[] };
  readonly endpoints: readonly object[];
}

const INTERVAL = "10s";

const byService = (...names: string[]) => ({
  matchLabels: { "app.kubernetes.io/part-of": PART_OF },
  matchExpressions: [{ key: "iacproject/service", operator: "In", values: names }],
});

/**
 * ServiceMonitors of the application, as the chart's `additionalServiceMonitors` takes them.
 *
 * Redis instances are found by their headless Services (so a replica is seen from its first
 * second, Ready or not) and asked through the exporter: the pod's name becomes the target
 * parameter, the exporter's Service the address.
 */
export function serviceMonitors(s: MonitoredServices): readonly ServiceMonitor[] {
  const namespaceSelector = { matchNames: [s.namespace] };
  const web = (name: string, path: string | null): ServiceMonitor[] =>
    path === null
      ? []
      : [
          {
            name: `${PART_OF}-${name}`,
            selector: byService(name),
            namespaceSelector,
            endpoints: [{ port: "http", path, interval: INTERVAL, scrapeTimeout: "5s" }],
          },
        ];
  const main = `${WORKLOADS["redis-main"]}-headless`;
  const replicas = `${WORKLOADS["redis-replica"]}-headless`;
  return [
    ...web(WORKLOADS.node, s.nodeMetricsPath),
    ...web(WORKLOADS.react, s.reactMetricsPath),
    {
      name: `${PART_OF}-redis`,
      selector: byService(main, replicas),
      namespaceSelector,
      endpoints: [
        {
          port: "redis",
          path: "/scrape",
          interval: INTERVAL,
          scrapeTimeout: "5s",
          relabelings: [
            {
              sourceLabels: ["__meta_kubernetes_pod_name", "__meta_kubernetes_service_name"],
              separator: ".",
              regex: "(.+)",
              targetLabel: "__param_target",
              replacement: `${s.redisScheme}://$1:6379`,
            },
            { sourceLabels: ["__meta_kubernetes_pod_name"], targetLabel: "instance" },
            { targetLabel: "job", replacement: "redis" },
            { targetLabel: "__address__", replacement: `${s.exporterHost}.${s.namespace}.svc:${EXPORTER_PORT}` },
          ],
        },
      ],
    },
    {
      name: `${PART_OF}-redis-exporter`,
      selector: byService(WORKLOADS["redis-exporter"]),
      namespaceSelector,
      endpoints: [{ port: "metrics", interval: INTERVAL, scrapeTimeout: "5s" }],
    },
  ];
}
