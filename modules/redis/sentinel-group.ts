import { Construct } from "constructs";
import { ServiceV1 } from "@cdktf/provider-kubernetes/lib/service-v1";
import { labels, selectorLabels } from "../../catalog/names";
import { GROUP_SIZE, REDIS_PORT, SENTINEL_PORT, WORKLOAD_NAME } from "../../catalog/workloads";

export interface SentinelGroupProps {
  /** Namespace that the objects are created in. */
  readonly namespace: string;
}

/**
 * A stable address for each member of the Sentinel group, which outlives its pods.
 *
 * Sentinel and Redis identify each other by these addresses: a pod's address changes and is reused, and a name would
 * have to be resolved just when a node, perhaps one that runs DNS, has failed
 * (docs/decisions/0012-high-availability.md).
 */
export class SentinelGroup extends Construct {
  /** One address per member, by its ordinal. */
  readonly addresses: readonly string[];

  constructor(scope: Construct, id: string, props: SentinelGroupProps) {
    super(scope, id);
    this.addresses = Array.from({ length: GROUP_SIZE }, (_, i) => {
      const pod = `${WORKLOAD_NAME["redis-main"]}-${i}`;
      const service = new ServiceV1(this, `member-${i}`, {
        waitForLoadBalancer: false,
        metadata: { name: pod, namespace: props.namespace, labels: labels("redis-main") },
        spec: {
          selector: { ...selectorLabels("redis-main"), "statefulset.kubernetes.io/pod-name": pod },
          publishNotReadyAddresses: true,
          port: [
            { name: "redis", port: REDIS_PORT, targetPort: String(REDIS_PORT), protocol: "TCP" },
            { name: "sentinel", port: SENTINEL_PORT, targetPort: String(SENTINEL_PORT), protocol: "TCP" },
          ],
        },
      });
      return service.spec.clusterIp;
    });
  }

  /** `address:port` of each Sentinel, separated by commas. */
  get sentinels(): string {
    return this.addresses.map((address) => `${address}:${SENTINEL_PORT}`).join(",");
  }
}
