import { Construct } from "constructs";
import { LimitRangeV1 } from "@cdktf/provider-kubernetes/lib/limit-range-v1";
import { ResourceQuotaV1 } from "@cdktf/provider-kubernetes/lib/resource-quota-v1";
import type { Config, ResourcesConfig } from "../../config";
import { PART_OF, projectLabels } from "../../catalog/names";
import { millicores, mebibytes, parseQuantity } from "../kubernetes/quantity";
import { containersOf, deployedComponents, maxPods, surgePods, volumeSize } from "../kubernetes/sizing";

/** Headroom for pods that are not part of the project, such as `kubectl debug` or a job. */
const HEADROOM_PODS = 2;
/** Defaults for a container without requests and limits. */
const DEFAULT_LIMITS: ResourcesConfig = { cpu: "20m", memory: "32Mi", memoryLimit: "256Mi", cpuLimit: undefined };

/** Pods of one kind: their maximum number, including rollouts, and the requests of one pod. */
interface PodGroup {
  readonly pods: number;
  readonly containers: readonly ResourcesConfig[];
  /**
   * Size of each pod's volume, as a Kubernetes quantity.
   * @default no volume
   */
  readonly volume?: string | undefined;
}

function podGroups(config: Config): readonly PodGroup[] {
  const { backup, exporter } = config.redis;
  return [
    ...deployedComponents(config).map((component): PodGroup => {
      const pods = maxPods(config, component);
      return {
        pods: pods + surgePods(component, pods),
        containers: containersOf(config, component).map((c) => c.resources),
        volume: volumeSize(config, component),
      };
    }),
    ...(backup.schedule === null ? [] : [{ pods: 1, containers: [exporter], volume: backup.storage }]),
    { pods: HEADROOM_PODS, containers: [DEFAULT_LIMITS] },
  ];
}

/** The most resources that the namespace can need at once, with each workload at its maximum and in a rollout. */
export function quota(config: Config): Readonly<Record<string, string>> {
  const all = podGroups(config);
  const total = (of: (group: PodGroup) => number) => all.reduce((sum, group) => sum + group.pods * of(group), 0);
  const resources = (of: (r: ResourcesConfig) => string) =>
    total(({ containers }) => containers.reduce((sum, r) => sum + parseQuantity(of(r)), 0));
  return {
    pods: String(total(() => 1)),
    "requests.cpu": millicores(resources((r) => r.cpu)),
    "requests.memory": mebibytes(resources((r) => r.memory)),
    "limits.memory": mebibytes(resources((r) => r.memoryLimit)),
    persistentvolumeclaims: String(total(({ volume }) => (volume === undefined ? 0 : 1))),
    "requests.storage": mebibytes(total(({ volume }) => (volume === undefined ? 0 : parseQuantity(volume)))),
  };
}

export interface NamespaceQuotaProps {
  /** Namespace that the objects are created in. */
  readonly namespace: string;
  /** The whole configuration. */
  readonly config: Config;
}

/**
 * A ResourceQuota sized for the configured bounds, so that a mistake (an autoscaler's maximum raised manually, a
 * runaway job) cannot exhaust the cluster; and a LimitRange, because the quota rejects pods without requests and
 * limits.
 */
export class NamespaceQuota extends Construct {
  constructor(scope: Construct, id: string, props: NamespaceQuotaProps) {
    super(scope, id);
    const metadata = { name: PART_OF, namespace: props.namespace, labels: projectLabels };
    new ResourceQuotaV1(this, "quota", { metadata, spec: { hard: quota(props.config) } });
    new LimitRangeV1(this, "limits", {
      metadata,
      spec: {
        limit: [
          {
            type: "Container",
            defaultRequest: { cpu: DEFAULT_LIMITS.cpu, memory: DEFAULT_LIMITS.memory },
            default: { memory: DEFAULT_LIMITS.memoryLimit },
          },
        ],
      },
    });
  }
}
