import { selectors } from "../selectors";
import { THRESHOLDS } from "../thresholds";
import type { AlertProps } from "./rule";

/** @param lagSeconds how far behind main a replica may be before it gets no reads */
export function redisAlerts(namespace: string, lagSeconds: number): readonly AlertProps[] {
  const { ns, api, redis, main, replicas } = selectors(namespace);
  const backups = `${ns}, cronjob="redis-backup"`;
  const backup = `${ns}, job_name=~"redis-backup-.+"`;
  return [
    {
      alert: "RedisMainDown",
      // an exporter that is blind is not a main that is down: the API is asked then
      expr: `(sum(redis_up{${main}}) == 0) or (absent(redis_instance_info{${main}, role="master"}) unless on () max(redis_main_up{${api}}) == 1)`,
      for: "30s",
      severity: "critical",
      summary: "No Redis takes writes",
      description: "No instance answers that is main. Writes fail; replicas answer until stale.",
    },
    {
      alert: "RedisTwoMains",
      expr: `count(redis_instance_info{${redis}, role="master"}) > 1`,
      for: "30s",
      severity: "critical",
      summary: "Two Redis instances take writes",
      description: "{{ $value }} instances are masters: what is written to one is not on the other.",
    },
    {
      alert: "RedisPoolShort",
      // of a pool all but one follow; where main stands alone there is none
      expr: `count(redis_up{${main}}) - 1 - (count(redis_master_link_up{${main}} == 1) or vector(0)) > 0`,
      for: "2m",
      severity: "warning",
      summary: "A member of the main pool is missing",
      description: "{{ $value }} members do not follow main. With one more of them gone nothing can be written.",
    },
    {
      alert: "RedisReplicaUnlinked",
      expr: `redis_master_link_up{${replicas}} == 0`,
      for: "1m",
      severity: "warning",
      summary: "{{ $labels.instance }} has lost main",
      description: "{{ $labels.instance }} has not been linked to main for a minute; its data grows old.",
    },
    {
      alert: "RedisReplicaDown",
      expr: `redis_up{${replicas}} == 0`,
      for: "2m",
      severity: "warning",
      summary: "{{ $labels.instance }} does not answer",
      description: "{{ $labels.instance }} is there and has not answered the exporter for 2 minutes.",
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
      // 0: no limit is set, or the exporter may not ask for it; a division by it would never alert
      expr: `redis_memory_used_bytes{${redis}} / (redis_memory_max_bytes{${redis}} > 0) > ${THRESHOLDS.redisMemory}`,
      for: "5m",
      severity: "warning",
      summary: "{{ $labels.instance }} is nearly full",
      description: "{{ $value | humanizePercentage }} of maxmemory is used; at 100 % writes are refused.",
    },
    {
      alert: "RedisRefusesWrites",
      expr: `sum by (namespace, instance) (increase(redis_errors_total{${main}, err=~"OOM|MISCONF|NOREPLICAS"}[2m])) > 0`,
      for: "0s",
      severity: "critical",
      summary: "{{ $labels.instance }} refuses writes",
      description:
        "About {{ $value | humanize }} writes were refused in 2 minutes: memory, disk or replicas are missing.",
    },
    {
      alert: "RedisEvicting",
      expr: `increase(redis_evicted_keys_total{${main}}[5m]) > 0`,
      for: "0s",
      severity: "critical",
      summary: "{{ $labels.instance }} throws keys away",
      description: "About {{ $value | humanize }} keys were evicted in 5 minutes; the policy here allows none.",
    },
    {
      alert: "RedisPersistenceFailing",
      expr: `redis_aof_last_write_status{${main}} == 0 or redis_aof_last_bgrewrite_status{${main}} == 0`,
      for: "1m",
      severity: "critical",
      summary: "{{ $labels.instance }} cannot write its append-only file",
      description:
        "The last write or rewrite failed (status {{ $value }}); Redis refuses writes while it cannot write.",
    },
    {
      alert: "RedisVolumeFilling",
      expr: `redis_aof_current_size_bytes{${main}} / scalar(min(kube_persistentvolumeclaim_resource_requests_storage_bytes{${ns}, persistentvolumeclaim=~"data-redis-main-.*"})) > ${THRESHOLDS.redisVolume}`,
      for: "5m",
      severity: "warning",
      summary: "The volume of {{ $labels.instance }} is running out",
      description: "Its append-only file takes {{ $value | humanizePercentage }}; a rewrite needs as much again.",
    },
    {
      alert: "RedisBackupFailing",
      // a backup that succeeded later than a failed one was begun has made up for it; where none is scheduled there are no series
      expr:
        `max by (namespace) (kube_job_created{${backup}} and on (namespace, job_name) kube_job_failed{${backup}, condition="true"} == 1)` +
        ` > (max by (namespace) (kube_cronjob_status_last_successful_time{${backups}}) or max by (namespace) (kube_cronjob_created{${backups}}))` +
        ` or time() - max by (namespace) (kube_cronjob_next_schedule_time{${backups}}) > 3600`,
      for: "0s",
      severity: "warning",
      summary: "Main is not backed up",
      description:
        "The last scheduled backup failed, or none was begun for an hour when one was due: what is lost now is lost since the one before.",
    },
    {
      alert: "RedisExporterBlind",
      expr: `absent(up{${redis}}) or max(up{${redis}}) == 0`,
      for: "2m",
      severity: "warning",
      summary: "Nothing is known about Redis",
      description: "The exporter answers for {{ $value }} instances (or none is known); alerts about Redis are blind.",
    },
  ];
}
