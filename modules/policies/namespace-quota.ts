import { Construct } from "constructs";
import { LimitRangeV1 } from "@cdktf/provider-kubernetes/lib/limit-range-v1";
import { ResourceQuotaV1 } from "@cdktf/provider-kubernetes/lib/resource-quota-v1";
import type { Config, ResourcesConfig } from "../../config";
import { mainPods } from "../redis/sentinel-group";
import { projectLabels } from "../../catalog/names";
import { cores, mebibytes, parseQuantity } from "../kubernetes/quantity";

/** Pods of others that fit beside ours: a look inside by `kubectl debug`, a job. */
const GUESTS = 2;
/** What a container gets that names nothing. */
const GUEST: ResourcesConfig = { cpu: "20m", memory: "32Mi", memoryLimit: "256Mi", cpuLimit: undefined };

/** Pods of one kind: how many at most, rollouts included, and what the containers of one ask for. */
interface Share {
  readonly pods: number;
  readonly containers: readonly ResourcesConfig[];
}

function shares(config: Config): readonly Share[] {
  const { redis, scaling } = config;
  const ha = redis.durability === "ha";
  // as many more as a rollout makes at once (web-workload.ts, redis-exporter.ts); stateful sets make none
  const rolled = (max: number, more: number) => max + more;
  return [
    { pods: mainPods(config), containers: [redis.main, ...(ha ? [redis.sentinel] : [])] },
    { pods: scaling.replicas.max, containers: [redis.replica] },
    { pods: rolled(scaling.exporter.max, 1), containers: [redis.exporter] },
    { pods: rolled(scaling.node.max, Math.ceil(scaling.node.max / 4)), containers: [config.node.resources] },
    { pods: rolled(scaling.react.max, Math.ceil(scaling.react.max / 4)), containers: [config.react.resources] },
    ...(backups(config) ? [{ pods: 1, containers: [redis.exporter] }] : []),
    { pods: GUESTS, containers: [GUEST] },
  ];
}

const backups = (config: Config): boolean => config.redis.backup.schedule !== null;

/** Everything that the namespace can need at once: each part at its maximum and in a rollout. */
export function quota(config: Config): Readonly<Record<string, string>> {
  const all = shares(config);
  const sum = (of: (r: ResourcesConfig) => string) =>
    all.reduce((s, { pods, containers }) => s + pods * containers.reduce((c, r) => c + parseQuantity(of(r)), 0), 0);
  return {
    pods: String(all.reduce((s, { pods }) => s + pods, 0)),
    "requests.cpu": cores(sum((r) => r.cpu)),
    "requests.memory": mebibytes(sum((r) => r.memory)),
    "limits.memory": mebibytes(sum((r) => r.memoryLimit)),
    persistentvolumeclaims: String(mainPods(config) + (backups(config) ? 1 : 0)),
    "requests.storage": mebibytes(
      mainPods(config) * parseQuantity(config.redis.storage) +
        (backups(config) ? parseQuantity(config.redis.backup.storage) : 0),
    ),
  };
}

/**
 * A ResourceQuota as large as what the configured bounds can need, so that a mistake (an autoscaler's maximum raised by
 * hand, a job gone wild) cannot take the cluster; and a LimitRange, without which the quota refuses pods that name nothing.
 */
export class NamespaceQuota extends Construct {
  constructor(scope: Construct, id: string, props: { readonly namespace: string; readonly config: Config }) {
    super(scope, id);
    const metadata = { name: "iacproject", namespace: props.namespace, labels: projectLabels };
    new ResourceQuotaV1(this, "quota", { metadata, spec: { hard: quota(props.config) } });
    new LimitRangeV1(this, "limits", {
      metadata,
      spec: {
        limit: [
          {
            type: "Container",
            defaultRequest: { cpu: GUEST.cpu, memory: GUEST.memory },
            default: { memory: GUEST.memoryLimit },
          },
        ],
      },
    });
  }
}
