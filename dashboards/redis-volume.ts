/** Queries for the usage of main's (primary) volume or, with `ha`, of each member's. Panels and alerts share them. */
import type { Selectors } from "./selectors";

const CLAIMS = 'persistentvolumeclaim=~"data-redis-main-.*"';

/** Adds the name of an instance's volume claim to its series, as a label. */
const byClaim = (expr: string) => `label_replace(${expr}, "persistentvolumeclaim", "data-$1", "instance", "(.+)")`;

/**
 * Used share of each volume, by claim. The kubelet sees the whole volume, but does not report volumes that are
 * folders of a node's disk (hostPath, as in kind and k3s); for those, the append-only file is compared with the
 * requested size.
 */
export function volumeUsed({ ns, main }: Pick<Selectors, "ns" | "main">): string {
  const kubelet = (what: string) =>
    `max by (persistentvolumeclaim) (kubelet_volume_stats_${what}_bytes{${ns}, ${CLAIMS}})`;
  const requested = `max by (persistentvolumeclaim) (kube_persistentvolumeclaim_resource_requests_storage_bytes{${ns}, ${CLAIMS}})`;
  const appended = `max by (persistentvolumeclaim) (${byClaim(`redis_aof_current_size_bytes{${main}}`)})`;
  return `(1 - ${kubelet("available")} / ${kubelet("capacity")}) or ${appended} / ${requested}`;
}

/**
 * Size of each volume that is too small for maxmemory, in bytes, by claim. The file system uses up to a tenth of a
 * volume, so the kubelet may see that much less than was requested. maxmemory is the same on every instance, unless a
 * guard has lowered it.
 */
export function volumeTooSmall({ ns, redis }: Pick<Selectors, "ns" | "redis">, volumes: number): string {
  const capacity = `max by (persistentvolumeclaim) (kubelet_volume_stats_capacity_bytes{${ns}, ${CLAIMS}})`;
  const requested = `max by (persistentvolumeclaim) (kube_persistentvolumeclaim_resource_requests_storage_bytes{${ns}, ${CLAIMS}})`;
  const least = (share: number) =>
    `on () group_left () ${Number((share * volumes).toFixed(2))} * max(redis_memory_max_bytes{${redis}} > ${REFUSES_WRITES})`;
  return `(${capacity} < ${least(0.9)}) or ((${requested} unless ${capacity}) < ${least(1)})`;
}

/** The maxmemory, in bytes, that disk-guard.sh sets on an instance whose volume has no room for a rewrite. */
export const REFUSES_WRITES = 1;
