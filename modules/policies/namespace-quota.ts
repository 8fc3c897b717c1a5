import { Construct } from "constructs";
import { LimitRangeV1 } from "@cdktf/provider-kubernetes/lib/limit-range-v1";
import { ResourceQuotaV1 } from "@cdktf/provider-kubernetes/lib/resource-quota-v1";
import type { Config, ResourcesConfig } from "../../config";
import { PART_OF, projectLabels } from "../../catalog/names";
import { GROUP_SIZE, workloadOf, type WorkloadDescriptor } from "../../catalog/workloads";
import { millicores, mebibytes, parseQuantity } from "../kubernetes/quantity";
import { containersOf, deployedComponents, maxPods, minPods, surgePods, volumeSize } from "../kubernetes/sizing";

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

/** What the pods need at once, and the volumes. */
function totals(all: readonly PodGroup[]): Readonly<Record<string, string>> {
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

/** The most resources that the namespace can need at once, with each workload at its maximum and in a rollout. */
export const quota = (config: Config): Readonly<Record<string, string>> => totals(podGroups(config));

/**
 * What a deployment cannot do without: each workload at its minimum and outside a rollout, volumes and other objects.
 * The keys are those of a ResourceQuota.
 */
export function minimum(config: Config): Readonly<Record<string, string>> {
  const { backup } = config.redis;
  const components = deployedComponents(config);
  const pods = totals([
    ...components.map((component) => ({
      pods: minPods(config, component),
      containers: containersOf(config, component).map((c) => c.resources),
      volume: volumeSize(config, component),
    })),
    // the volume exists even if no backup runs
    ...(backup.schedule === null || backup.s3.endpoint !== null
      ? []
      : [{ pods: 1, containers: [], volume: backup.storage }]),
  ]);
  const podCount = components.reduce((sum, component) => sum + minPods(config, component), 0);
  const ofKind = (kind: WorkloadDescriptor["kind"]) => components.filter((c) => workloadOf(c).kind === kind).length;
  const { type } = config.exposure;
  // a StatefulSet also has a headless Service, and with ha each member has its own
  const members = config.redis.durability === "ha" ? GROUP_SIZE : 0;
  const services = components.length + ofKind("StatefulSet") + members;
  const counts = {
    pods: podCount,
    services,
    "services.loadbalancers": type === "LoadBalancer" ? 1 : 0,
    // a load balancer's Service has a node port too
    "services.nodeports": ["NodePort", "LoadBalancer"].includes(type) ? 1 : 0,
    "count/pods": podCount,
    "count/services": services,
    "count/persistentvolumeclaims": Number(pods["persistentvolumeclaims"]),
    "count/deployments.apps": ofKind("Deployment"),
    "count/replicasets.apps": ofKind("Deployment"),
    "count/statefulsets.apps": ofKind("StatefulSet"),
    "count/cronjobs.batch": backup.schedule === null ? 0 : 1,
    "count/ingresses.networking.k8s.io": type === "Ingress" ? 1 : 0,
  };
  return { ...pods, ...Object.fromEntries(Object.entries(counts).map(([key, count]) => [key, String(count)])) };
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
