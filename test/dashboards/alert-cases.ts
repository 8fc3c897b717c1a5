/** For each alert, series with which it fires, and similar ones with which it does not. */
import { config, NAMESPACE } from "./expressions";

/** A series and its samples in promtool's notation, one sample per `interval`. */
export type Input = readonly [series: string, values: string];
export interface Case {
  readonly fires: readonly Input[];
  readonly silent: readonly Input[];
  /** When the alert is evaluated. @default 10m */
  readonly at?: string;
  /** Time between samples. @default 15s */
  readonly interval?: string;
}

const ns = `namespace="${NAMESPACE}"`;
const api = (metric: string, more = "") => `${metric}{${ns}, service="node", pod="node-1"${more}}`;
const front = (metric: string) => `${metric}{${ns}, service="react", pod="react-1"}`;
const member = (ordinal: number, metric: string, more = "") =>
  `${metric}{${ns}, job="redis", instance="redis-main-${ordinal}"${more}}`;
export const main = (metric: string, more = "") => member(0, metric, more);
const replica = (metric: string, more = "") => `${metric}{${ns}, job="redis", instance="redis-replicas-0"${more}}`;
const hpa = (metric: string, more = "") =>
  `kube_horizontalpodautoscaler_${metric}{${ns}, horizontalpodautoscaler="node"${more}}`;
const pod = (metric: string, more = "") => `${metric}{${ns}, pod="node-1", container="node"${more}}`;
const deleted = (metric: string, more = "") => `${metric}{${ns}, pod="node-2", container="node"${more}}`;
const count = (status: string, route = "/item") =>
  api("http_request_duration_seconds_count", `, method="GET", route="${route}", status="${status}"`);
const bucket = (le: string) =>
  api("http_request_duration_seconds_bucket", `, method="GET", route="/item", status="200", le="${le}"`);
export const always = (value: number | string) => `${value}x400`;
const rising = (by: number) => `0+${by}x400`;

const { seconds } = config.monitoring.objectives.latency;
export const lag = config.node.maxLagSeconds;
const claim = (metric: string): string =>
  `${metric}{${ns}, persistentvolumeclaim="data-redis-main-0", instance="node:10250"}`;
export const requested: Input = [claim("kube_persistentvolumeclaim_resource_requests_storage_bytes"), always(1000)];

const backups = (metric: string) => `kube_cronjob_${metric}{${ns}, cronjob="redis-backup"}`;
const failedBackup = (created: number): readonly Input[] => [
  [`kube_job_created{${ns}, job_name="redis-backup-1"}`, always(created)],
  [`kube_job_failed{${ns}, job_name="redis-backup-1", condition="true"}`, always(1)],
  [`kube_job_failed{${ns}, job_name="redis-backup-1", condition="false"}`, always(0)],
];

const member0 = (ready: number, containersReady: number): readonly Input[] => [
  [`kube_pod_status_ready{${ns}, pod="redis-main-0", condition="true"}`, always(ready)],
  [`kube_pod_status_ready{${ns}, pod="redis-main-0", condition="false"}`, always(1 - ready)],
  [`kube_pod_container_status_ready{${ns}, pod="redis-main-0", container="redis"}`, always(containersReady)],
];

export const CASES: Readonly<Record<string, Case>> = {
  ApiBudgetBurnsFast: {
    // 2 % fail; 0.1 % is allowed
    fires: [
      [count("200"), rising(98)],
      [count("500"), rising(2)],
    ],
    // failed probes are not failed requests
    silent: [
      [count("200"), rising(98)],
      [count("503", "/readyz"), rising(50)],
      [bucket(String(seconds)), rising(98)],
    ],
  },
  ApiBudgetBurnsSlowly: {
    // 0.4 % fail for two days
    fires: [
      [count("200"), "0+49800x600"],
      [count("500"), "0+200x600"],
    ],
    // 2 % failed for ten minutes, long ago
    silent: [
      [count("200"), "0+50000x600"],
      [count("500"), "0x2 0+1000x2 2000x600"],
      [bucket(String(seconds)), "0+50000x600"],
    ],
    at: "48h",
    interval: "5m",
  },
  ApiDown: { fires: [[api("up"), always(0)]], silent: [[api("up"), always(1)]] },
  FrontDown: { fires: [[front("up"), always(0)]], silent: [[front("up"), always(1)]] },
  ApiRefusing: {
    fires: [
      [api("http_requests_shed_total", ', reason="in flight"'), rising(2)],
      [count("200"), rising(100)],
    ],
    silent: [
      [api("http_requests_shed_total", ', reason="in flight"'), always(7)],
      [count("200"), rising(100)],
    ],
  },
  ApiReadsFromMain: {
    // no replica at all: the API then has no series for replicas
    fires: [[api("redis_pool_reads_from_main_total", ', reason="fallback"'), rising(20)]],
    // reads that the caller requested from main do not count
    silent: [
      [api("redis_pool_reads_from_main_total", ', reason="strong"'), rising(90)],
      [api("redis_pool_reads_from_main_total", ', reason="fallback"'), always(0)],
      [api("redis_pool_reads_total", ', instance_name="redis-replicas-0"'), rising(10)],
    ],
  },
  RedisMainDown: {
    // the group responds, but no member is main
    fires: [
      [main("redis_up"), always(1)],
      [main("redis_instance_info", ', role="slave"'), always(1)],
      [api("redis_main_up"), always(0)],
    ],
    // the exporter reports nothing, but the API reaches main
    silent: [[api("redis_main_up"), always(1)]],
  },
  RedisPoolShort: {
    fires: [
      [main("redis_up"), always(1)],
      [member(1, "redis_up"), always(1)],
      [member(2, "redis_up"), always(0)],
      [member(1, "redis_master_link_up"), always(1)],
    ],
    // main without a group
    silent: [[main("redis_up"), always(1)]],
  },
  RedisTwoMains: {
    fires: [
      [main("redis_instance_info", ', role="master"'), always(1)],
      [replica("redis_instance_info", ', role="master"'), always(1)],
    ],
    silent: [
      [main("redis_instance_info", ', role="master"'), always(1)],
      [replica("redis_instance_info", ', role="slave"'), always(1)],
    ],
  },
  RedisReplicaUnlinked: {
    fires: [[replica("redis_master_link_up"), always(0)]],
    silent: [[replica("redis_master_link_up"), "1x20 0 0 1x400"]],
    at: "6m",
  },
  RedisReplicaDown: { fires: [[replica("redis_up"), always(0)]], silent: [[main("redis_up"), always(0)]] },
  ReplicaDiscoverySlow: {
    fires: [[api("redis_pool_source", ', source="watch"'), always(0)]],
    silent: [
      [api("redis_pool_source", ', source="watch"'), always(1)],
      [api("redis_pool_source", ', source="dns"'), always(0)],
    ],
  },
  RedisReplicaLagging: {
    fires: [[api("redis_pool_replica_lag_seconds", ', instance_name="redis-replicas-0"'), always(lag + 1)]],
    silent: [[api("redis_pool_replica_lag_seconds", ', instance_name="redis-replicas-0"'), always(lag)]],
  },
  RedisMemoryNearLimit: {
    fires: [
      [main("redis_memory_used_bytes"), always(90)],
      [main("redis_memory_max_bytes"), always(100)],
    ],
    // no limit is set; the volume is full
    silent: [
      [main("redis_memory_used_bytes"), always(90)],
      [main("redis_memory_max_bytes"), always(0)],
      [member(1, "redis_memory_used_bytes"), always(90)],
      [member(1, "redis_memory_max_bytes"), always(1)],
    ],
  },
  RedisRefusesWrites: {
    fires: [[main("redis_errors_total", ', err="OOM"'), rising(1)]],
    silent: [
      [main("redis_errors_total", ', err="OOM"'), always(12)],
      [main("redis_errors_total", ', err="WRONGTYPE"'), rising(1)],
    ],
  },
  RedisEvicting: {
    fires: [[main("redis_evicted_keys_total"), rising(1)]],
    silent: [[main("redis_evicted_keys_total"), always(12)]],
  },
  RedisPersistenceFailing: {
    fires: [[main("redis_aof_last_bgrewrite_status"), always(0)]],
    silent: [
      [main("redis_aof_last_write_status"), always(1)],
      [main("redis_aof_last_bgrewrite_status"), always(1)],
    ],
  },
  RedisVolumeTooSmall: {
    at: "30m",
    // also while a guard has lowered main's maxmemory
    fires: [
      [claim("kube_persistentvolumeclaim_resource_requests_storage_bytes"), always(3000)],
      [claim("kubelet_volume_stats_capacity_bytes"), always(2000)],
      [main("redis_memory_max_bytes"), always(1)],
      [replica("redis_memory_max_bytes"), always(1000)],
    ],
    // the smallest accepted size, part of which the file system itself uses
    silent: [
      [claim("kube_persistentvolumeclaim_resource_requests_storage_bytes"), always(3000)],
      [claim("kubelet_volume_stats_capacity_bytes"), always(2800)],
      [main("redis_memory_max_bytes"), always(1000)],
      [replica("redis_memory_max_bytes"), always(1000)],
    ],
  },
  RedisVolumeFilling: {
    // data other than the append-only file fills the volume
    fires: [
      requested,
      [main("redis_aof_current_size_bytes"), always(100)],
      [claim("kubelet_volume_stats_capacity_bytes"), always(1000)],
      [claim("kubelet_volume_stats_available_bytes"), always(250)],
    ],
    // the kubelet reports that the claim got a larger volume than it requested
    silent: [
      requested,
      [main("redis_aof_current_size_bytes"), always(800)],
      [claim("kubelet_volume_stats_capacity_bytes"), always(2000)],
      [claim("kubelet_volume_stats_available_bytes"), always(1000)],
    ],
  },
  RedisVolumeFull: {
    fires: [[main("redis_memory_max_bytes"), always(1)]],
    // for the seconds of a rewrite
    silent: [[main("redis_memory_max_bytes"), "1x3 1000x10 1x3 1000x20 1x3"]],
  },
  RedisBackupFailing: {
    fires: [
      [backups("created"), always(1)],
      [backups("status_last_successful_time"), always(100)],
      ...failedBackup(200),
    ],
    // one failed, and the next one succeeded
    silent: [
      [backups("created"), always(1)],
      [backups("status_last_successful_time"), always(300)],
      [backups("next_schedule_time"), always(500)],
      ...failedBackup(200),
    ],
  },
  RedisExporterBlind: {
    fires: [[main("up"), always(0)]],
    silent: [
      [main("up"), always(0)],
      [replica("up"), always(1)],
    ],
  },
  AutoscalerAtMaximum: {
    fires: [
      [hpa("status_desired_replicas"), always(10)],
      [hpa("spec_max_replicas"), always(10)],
      [hpa("status_condition", ', condition="ScalingLimited", status="true"'), always(1)],
    ],
    // needs exactly its maximum
    silent: [
      [hpa("status_desired_replicas"), always(10)],
      [hpa("spec_max_replicas"), always(10)],
      [hpa("status_condition", ', condition="ScalingLimited", status="true"'), always(0)],
    ],
  },
  AutoscalerBlind: {
    fires: [[hpa("status_condition", ', condition="ScalingActive", status="false"'), always(1)]],
    // scaled to 0 manually
    silent: [
      [hpa("status_condition", ', condition="ScalingActive", status="false"'), always(1)],
      [hpa("status_desired_replicas"), always(0)],
    ],
  },
  AutoscalerSignalMissing: {
    fires: [
      [hpa("spec_target_metric", ', metric_name="cpu"'), always(60)],
      [hpa("spec_target_metric", ', metric_name="load"'), always(100)],
      [hpa("status_target_metric", ', metric_name="cpu"'), always(30)],
    ],
    silent: [
      [hpa("spec_target_metric", ', metric_name="cpu"'), always(60)],
      [hpa("status_target_metric", ', metric_name="cpu"'), always(30)],
      [`kube_horizontalpodautoscaler_spec_target_metric{${ns}, horizontalpodautoscaler="off"}`, always(60)],
      [`kube_horizontalpodautoscaler_status_desired_replicas{${ns}, horizontalpodautoscaler="off"}`, always(0)],
    ],
  },
  AutoscalerFlapping: {
    fires: [[hpa("status_desired_replicas"), "2x7 3x7 2x7 3x7 2x7 3x7 2x7 3x7 2x7 3x7 2x7"]],
    // a single load peak: the count rises and falls in steps
    silent: [[hpa("status_desired_replicas"), "2x7 4x1 8x1 10x40 5x4 3x4 2x40"]],
    at: "21m",
  },
  PodsPending: {
    fires: [[`kube_pod_status_phase{${ns}, pod="node-1", phase="Pending"}`, always(1)]],
    silent: [[`kube_pod_status_phase{${ns}, pod="node-1", phase="Pending"}`, "1x10 0x400"]],
  },
  PodOnLostNode: {
    fires: [...member0(0, 1), [`kube_pod_info{${ns}, pod="redis-main-0", created_by_kind="StatefulSet"}`, always(1)]],
    silent: [
      // a pod that is still starting, and a Deployment's pod
      ...member0(0, 0),
      [`kube_pod_info{${ns}, pod="redis-main-0", created_by_kind="StatefulSet"}`, always(1)],
      [`kube_pod_status_ready{${ns}, pod="node-1", condition="false"}`, always(1)],
      [`kube_pod_container_status_ready{${ns}, pod="node-1", container="node"}`, always(1)],
      [`kube_pod_info{${ns}, pod="node-1", created_by_kind="ReplicaSet"}`, always(1)],
    ],
  },
  PodRestarting: {
    fires: [[pod("kube_pod_container_status_restarts_total"), "0x8 1x8 2x8 3x8 4x8"]],
    silent: [
      [pod("kube_pod_container_status_restarts_total"), "0x20 1x100"],
      // kept restarting, then was deleted
      [deleted("kube_pod_container_status_restarts_total"), "0x4 1x4 2x4 3x4 4x4 stale"],
    ],
    at: "9m",
  },
  PodKilledForMemory: {
    // the reason is not exported while the container is being restarted
    fires: [
      [pod("kube_pod_container_status_last_terminated_reason", ', reason="OOMKilled"'), "_x20 1x15 stale"],
      [pod("kube_pod_container_status_restarts_total"), "0x20 1x400"],
    ],
    // long ago
    silent: [
      [pod("kube_pod_container_status_last_terminated_reason", ', reason="OOMKilled"'), always(1)],
      [pod("kube_pod_container_status_restarts_total"), always(1)],
      // was killed, then was deleted
      [deleted("kube_pod_container_status_last_terminated_reason", ', reason="OOMKilled"'), "_x10 1x12 stale"],
      [deleted("kube_pod_container_status_restarts_total"), "0x10 1x12 stale"],
    ],
  },
};
