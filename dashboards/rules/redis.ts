import { REFUSES_WRITES, volumeTooSmall, volumeUsed } from "../redis-volume";
import { selectors } from "../selectors";
import { THRESHOLDS } from "../thresholds";
import type { AlertProps } from "./rule";

/** @param lagSeconds how many seconds a replica may lag behind main (primary) before it gets no reads */
export function redisAlerts(namespace: string, lagSeconds: number): readonly AlertProps[] {
  const { ns, api, redis, main, replicas } = selectors(namespace);
  const backups = `${ns}, cronjob="redis-backup"`;
  const backup = `${ns}, job_name=~"redis-backup-.+"`;
  return [
    {
      alert: "RedisMainDown",
      // a failed exporter must not look like a failed main: if it reports nothing, the API's own metric is used
      expr: `(sum(redis_up{${main}}) == 0) or (absent(redis_instance_info{${main}, role="master"}) unless on () max(redis_main_up{${api}}) == 1)`,
      for: "30s",
      severity: "critical",
      summary: "No Redis takes writes",
      description: "Main does not respond. Writes fail; replicas serve reads until their data is too old.",
    },
    {
      alert: "RedisTwoMains",
      expr: `count(redis_instance_info{${redis}, role="master"}) > 1`,
      for: "30s",
      severity: "critical",
      summary: "Two Redis instances take writes",
      description: "{{ $value }} instances have the role master, so writes to one do not reach the others.",
    },
    {
      alert: "RedisPoolShort",
      // in a group, all members except main follow it; without a group, there is only one instance, and the result is 0
      expr: `count(redis_up{${main}}) - 1 - (count(redis_master_link_up{${main}} == 1) or vector(0)) > 0`,
      for: "2m",
      severity: "warning",
      summary: "A member of the Sentinel group is missing",
      description:
        "{{ $value }} members are missing or do not follow main. If another one is lost, writes are refused.",
    },
    {
      alert: "RedisReplicaUnlinked",
      expr: `redis_master_link_up{${replicas}} == 0`,
      for: "1m",
      severity: "warning",
      summary: "{{ $labels.instance }} is disconnected from main",
      description: "{{ $labels.instance }} has had no link to main for a minute; its data is becoming stale.",
    },
    {
      alert: "RedisReplicaDown",
      expr: `redis_up{${replicas}} == 0`,
      for: "2m",
      severity: "warning",
      summary: "{{ $labels.instance }} does not answer",
      description: "{{ $labels.instance }} exists, but has not answered the exporter for 2 minutes.",
    },
    {
      alert: "ReplicaDiscoverySlow",
      // with `node.discovery: dns`, this series does not exist
      expr: `redis_pool_source{${api}, source="watch"} == 0`,
      for: "5m",
      severity: "warning",
      summary: "{{ $labels.pod }} finds replicas without the Kubernetes API",
      description:
        "{{ $labels.pod }} has been finding replicas by DNS for 5 minutes, because its watch on the Kubernetes API fails. It therefore notices new and removed replicas later.",
    },
    {
      alert: "RedisReplicaLagging",
      expr: `max by (instance_name) (redis_pool_replica_lag_seconds{${api}}) > ${lagSeconds}`,
      for: "1m",
      severity: "warning",
      summary: "{{ $labels.instance_name }} is behind main",
      description: `{{ $labels.instance_name }} is {{ $value | humanizeDuration }} behind main, more than ${lagSeconds} s: it gets no reads.`,
    },
    {
      alert: "RedisMemoryNearLimit",
      // 0: no limit is set, or the exporter may not read it; 1: see RedisVolumeFull; both are left out on purpose
      expr: `redis_memory_used_bytes{${redis}} / (redis_memory_max_bytes{${redis}} > ${REFUSES_WRITES}) > ${THRESHOLDS.redisMemory}`,
      for: "5m",
      severity: "warning",
      summary: "{{ $labels.instance }} is nearly full",
      description: "{{ $value | humanizePercentage }} of maxmemory is used. At 100 %, writes are refused.",
    },
    {
      alert: "RedisRefusesWrites",
      expr: `sum by (namespace, instance) (increase(redis_errors_total{${main}, err=~"OOM|MISCONF|NOREPLICAS"}[2m])) > 0`,
      for: "0s",
      severity: "critical",
      summary: "{{ $labels.instance }} refuses writes",
      description:
        "About {{ $value | humanize }} writes were refused within 2 minutes, because of a lack of memory, disk space or replicas.",
    },
    {
      alert: "RedisEvicting",
      expr: `increase(redis_evicted_keys_total{${main}}[5m]) > 0`,
      for: "0s",
      severity: "critical",
      summary: "{{ $labels.instance }} evicts keys",
      description:
        "About {{ $value | humanize }} keys were evicted within 5 minutes, although the configured eviction policy allows no evictions.",
    },
    {
      alert: "RedisPersistenceFailing",
      expr: `redis_aof_last_write_status{${main}} == 0 or redis_aof_last_bgrewrite_status{${main}} == 0`,
      for: "1m",
      severity: "critical",
      summary: "{{ $labels.instance }} cannot write its append-only file",
      description:
        "The last write or rewrite failed (status {{ $value }}). Redis refuses writes until it can write the file again.",
    },
    {
      alert: "RedisVolumeTooSmall",
      expr: volumeTooSmall({ ns, redis }, THRESHOLDS.redisVolumes),
      // longer than a storage driver usually takes to enlarge a volume
      for: "15m",
      severity: "warning",
      summary: "The volume {{ $labels.persistentvolumeclaim }} is too small for maxmemory",
      description: `The volume has {{ $value | humanize1024 }}B, less than ${THRESHOLDS.redisVolumes} times maxmemory: the append-only file and its rewrite fill the volume before the memory is full, and then main refuses writes.`,
    },
    {
      alert: "RedisVolumeFilling",
      expr: `(${volumeUsed({ ns, main })}) > ${THRESHOLDS.redisVolume}`,
      for: "5m",
      severity: "warning",
      summary: "The volume {{ $labels.persistentvolumeclaim }} is filling up",
      description:
        "{{ $value | humanizePercentage }} of the volume is used, more than Redis needs between rewrites. Before the volume is full, main refuses writes.",
    },
    {
      alert: "RedisVolumeFull",
      expr: `redis_memory_max_bytes{${main}} == ${REFUSES_WRITES}`,
      for: "1m",
      severity: "critical",
      summary: "The volume of {{ $labels.instance }} has no room for a rewrite",
      description:
        "{{ $labels.instance }} has refused writes for a minute (a replica disconnects from main instead) to keep " +
        "its volume from filling up. Reads and deletions work.",
    },
    {
      alert: "RedisBackupFailing",
      // a backup that succeeds after the failed one began clears the alert; without a schedule, there are no series
      expr:
        `max by (namespace) (kube_job_created{${backup}} and on (namespace, job_name) kube_job_failed{${backup}, condition="true"} == 1)` +
        ` > (max by (namespace) (kube_cronjob_status_last_successful_time{${backups}}) or max by (namespace) (kube_cronjob_created{${backups}}))` +
        ` or time() - max by (namespace) (kube_cronjob_next_schedule_time{${backups}}) > 3600`,
      for: "0s",
      severity: "warning",
      summary: "Main is not being backed up",
      description:
        "The last scheduled backup failed, or one is more than an hour overdue. If main were lost now, everything since the last successful backup would be lost.",
    },
    {
      alert: "RedisExporterBlind",
      expr: `absent(up{${redis}}) or max(up{${redis}}) == 0`,
      for: "2m",
      severity: "warning",
      summary: "Prometheus gets no Redis metrics",
      description:
        "The exporter reports no Redis instance, or Prometheus has discovered none. Alerts that depend on " +
        "Redis metrics cannot fire.",
    },
  ];
}
