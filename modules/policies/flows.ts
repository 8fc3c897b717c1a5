/**
 * The connections that are allowed in the application's namespace, with their ports.
 *
 * The NetworkPolicies, the diagram in the docs and the tests are generated from this table. Everything else is denied,
 * in both directions.
 */
import type { Config } from "../../config";
import { JOBS, REDIS_PORT, SENTINEL_PORT, type ComponentOrJob } from "../../catalog/workloads";
import { containerPort, deployedComponents, metricsPath } from "../kubernetes/sizing";

/** An endpoint of a flow: one of our workloads or jobs, or something outside the namespace. */
export type Peer = ComponentOrJob | "prometheus" | "keda" | "dns" | "kubernetes-api" | "anyone";

export interface Flow {
  /** End that opens the connection. */
  readonly from: Peer;
  /** End that accepts it. */
  readonly to: Peer;
  /**
   * Port of the destination's container, not of its Service.
   * @default known only to the cluster
   */
  readonly port?: number;
  /** Transport protocol. */
  readonly protocol: "TCP" | "UDP";
  /** The flow's purpose, in a few words. */
  readonly why: string;
}

const portOf = (address: string): number => {
  const { port, protocol } = new URL(address);
  return port === "" ? (protocol === "https:" ? 443 : 80) : Number(port);
};

/** The flow table for one configuration (container ports are configurable). */
export function flows(
  config: Pick<Config, "images" | "observability" | "node" | "scaling" | "redis">,
): readonly Flow[] {
  const tcp = (from: Peer, to: Peer, port: number, why: string): Flow => ({ from, to, port, protocol: "TCP", why });
  const { node, react } = config.images;
  const backups = config.redis.backup.schedule !== null;
  const bucket = config.redis.backup.s3.endpoint;
  const components = deployedComponents(config);
  // the scaler gets the addresses of the pods and the Kubernetes API without DNS
  const withNames = components.filter((component) => component !== "scaler");
  const dnsFlows = [...withNames, ...(backups ? JOBS : [])].flatMap((from) =>
    (["UDP", "TCP"] as const).map((protocol): Flow => ({
      from,
      to: "dns",
      port: 53,
      protocol,
      why: "name resolution",
    })),
  );
  const scrapes =
    config.observability === "none"
      ? []
      : [
          ...components
            .filter((component) => metricsPath(config, component) !== null)
            .map((component) =>
              tcp(
                "prometheus",
                component,
                containerPort(config, component),
                component === "redis-exporter" ? "metrics of every Redis instance" : "metrics",
              ),
            ),
        ];
  const signalsTo = (reader: "keda" | "scaler") => [
    ...(node.metricsPath === null ? [] : [tcp(reader, "node", node.port, "load signals for the autoscalers")]),
    ...(react.metricsPath === null ? [] : [tcp(reader, "react", react.port, "load signals for the autoscaler")]),
  ];
  const signals = config.scaling.engine === "keda" ? signalsTo("keda") : [];
  const fast = config.scaling.fast
    ? [
        ...signalsTo("scaler"),
        { from: "scaler", to: "kubernetes-api", protocol: "TCP", why: "pods, replica counts and its Lease" } as const,
      ]
    : [];
  const sentinelFlows =
    config.redis.durability === "ha"
      ? [
          tcp("redis-main", "redis-main", REDIS_PORT, "replication and health checks"),
          tcp("redis-main", "redis-main", SENTINEL_PORT, "which member is main"),
          tcp("node", "redis-main", SENTINEL_PORT, "which member is main"),
        ]
      : [];
  return [
    tcp("anyone", "react", react.port, "the page"),
    tcp("react", "node", node.port, "/api"),
    tcp("node", "redis-main", REDIS_PORT, "writes"),
    tcp("node", "redis-replica", REDIS_PORT, "reads"),
    tcp("redis-replica", "redis-main", REDIS_PORT, "replication"),
    tcp("redis-main", "redis-replica", REDIS_PORT, "check for data before an empty start"),
    ...(backups ? [tcp("redis-backup", "redis-main", REDIS_PORT, "a copy of all keys")] : []),
    ...(backups && bucket ? [tcp("redis-backup", "anyone", portOf(bucket), "the bucket of backups")] : []),
    tcp("redis-exporter", "redis-main", REDIS_PORT, "INFO"),
    tcp("redis-exporter", "redis-replica", REDIS_PORT, "INFO"),
    ...(config.node.discovery === "watch"
      ? [{ from: "node", to: "kubernetes-api", protocol: "TCP", why: "replica discovery" } as const]
      : []),
    ...sentinelFlows,
    ...scrapes,
    ...signals,
    ...fast,
    ...dnsFlows,
  ];
}
