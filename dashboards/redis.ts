import { stat, timeseries, type Dashboard } from "./panels";
import { REFUSES_WRITES, volumeUsed } from "./redis-volume";
import { selectors } from "./selectors";
import { THRESHOLDS } from "./thresholds";

const { ns, redis, main, replicas } = selectors("$namespace");
const each = `${redis}, instance=~"$instance"`;

export const mainUp = stat({
  title: "Main",
  description: "Number of main (primary) instances that respond. If there is none, every write fails.",
  unit: "short",
  limit: { at: 1, below: true },
  alert: "RedisMainDown",
  queries: [{ expr: `sum(redis_up{${main}})`, legend: "main" }],
});
export const linked = stat({
  title: "Replicas linked",
  description: "Number of replicas whose link to main is up. If there are none, main serves the reads.",
  unit: "short",
  limit: { at: 1, below: true },
  alert: "RedisReplicaUnlinked",
  queries: [{ expr: `sum(redis_master_link_up{${replicas}})`, legend: "linked" }],
});
const keys = stat({
  title: "Keys",
  description: "Keys on main.",
  unit: "short",
  queries: [{ expr: `max(redis_db_keys{${main}})`, legend: "keys" }],
});
const mains = stat({
  title: "Instances that take writes",
  description: "Number of Redis instances whose role is master. If there are two, their data diverges.",
  unit: "short",
  limit: { at: 2 },
  alert: "RedisTwoMains",
  queries: [{ expr: `count(redis_instance_info{${redis}, role="master"})`, legend: "masters" }],
});
const commands = timeseries({
  title: "Commands",
  description:
    "Commands per second on each instance. A replica near zero gets no commands, even though others are busy.",
  unit: "ops",
  queries: [{ expr: `rate(redis_commands_processed_total{${each}}[1m])`, legend: "{{instance}}" }],
});
const time = timeseries({
  title: "Time by command",
  description: "Share of each second that main spends on each command. If the sum is near 1, main is saturated.",
  unit: "percentunit",
  queries: [
    {
      expr: `topk(5, sum by (cmd) (rate(redis_commands_duration_seconds_total{${main}}[1m])))`,
      legend: "{{cmd}}",
    },
  ],
});
const clients = timeseries({
  title: "Clients",
  description: "Connections to each instance.",
  unit: "short",
  queries: [{ expr: `redis_connected_clients{${each}}`, legend: "{{instance}}" }],
});
const errors = timeseries({
  title: "Errors",
  description:
    "Error replies per second from each instance, by kind. OOM means that the memory is full and writes are refused.",
  unit: "ops",
  alert: "RedisRefusesWrites",
  queries: [
    {
      expr: `sum by (instance, err) (rate(redis_errors_total{${each}}[1m])) or redis_up{${each}} * 0`,
      legend: "{{instance}} {{err}}",
    },
  ],
});
const memory = timeseries({
  title: "Memory",
  description: "Memory used by each instance's data, as a share of its limit. At 1, main refuses writes.",
  unit: "percentunit",
  limit: { at: THRESHOLDS.redisMemory },
  alert: "RedisMemoryNearLimit",
  queries: [
    {
      expr: `redis_memory_used_bytes{${each}} / (redis_memory_max_bytes{${each}} > ${REFUSES_WRITES})`,
      legend: "{{instance}}",
    },
  ],
});
const evicted = timeseries({
  title: "Evicted and expired",
  description:
    "Keys per second that were evicted or expired. Evictions lose data; the configured eviction policy allows none.",
  unit: "ops",
  alert: "RedisEvicting",
  queries: [
    { expr: `rate(redis_evicted_keys_total{${main}}[1m])`, legend: "evicted" },
    { expr: `rate(redis_expired_keys_total{${main}}[1m])`, legend: "expired" },
  ],
});
const lagBytes = timeseries({
  title: "Behind main",
  description: "Number of bytes of the replication stream that each replica has not received yet.",
  unit: "bytes",
  queries: [
    {
      expr: `clamp_min(scalar(max(redis_master_repl_offset{${main}})) - redis_slave_repl_offset{${replicas}, instance=~"$instance"}, 0)`,
      legend: "{{instance}}",
    },
  ],
});
const link = timeseries({
  title: "Link to main",
  description: "1 while a replica's link to main is up.",
  unit: "short",
  limit: { at: 1, below: true },
  alert: "RedisReplicaUnlinked",
  queries: [{ expr: `redis_master_link_up{${replicas}, instance=~"$instance"}`, legend: "{{instance}}" }],
});
const syncing = timeseries({
  title: "Syncing",
  description: "1 while a replica is copying main's data. A replica that never finishes cannot keep up.",
  unit: "short",
  queries: [{ expr: `redis_master_sync_in_progress{${replicas}, instance=~"$instance"}`, legend: "{{instance}}" }],
});
const aof = timeseries({
  title: "Append-only file",
  description: "1 if the last write to main's append-only file, or the file's last rewrite, succeeded.",
  unit: "short",
  limit: { at: 1, below: true },
  alert: "RedisPersistenceFailing",
  queries: [
    { expr: `redis_aof_last_write_status{${main}}`, legend: "write" },
    { expr: `redis_aof_last_bgrewrite_status{${main}}`, legend: "rewrite" },
  ],
});
const volume = timeseries({
  title: "Volume",
  description:
    "Used share of main's volume, or of each member's. If the kubelet does not report it, the panel shows the size of the append-only file as a share of the requested volume size. A rewrite temporarily adds up to maxmemory.",
  unit: "percentunit",
  limit: { at: THRESHOLDS.redisVolume },
  alert: "RedisVolumeFilling",
  queries: [{ expr: volumeUsed({ ns, main }), legend: "{{persistentvolumeclaim}}" }],
});
const volumeFull = timeseries({
  title: "No room for a rewrite",
  description: "1 while an instance refuses writes because its volume has no room for the next rewrite.",
  unit: "short",
  limit: { at: 1 },
  alert: "RedisVolumeFull",
  queries: [{ expr: `redis_memory_max_bytes{${main}} == bool ${REFUSES_WRITES}`, legend: "{{instance}}" }],
});

/** Dashboard `iac-redis`: main (primary) and its replicas, by instance. */
export const redisDashboard: Dashboard = {
  uid: "iac-redis",
  title: "Redis",
  description: "Main (primary) and replicas: health, load, memory, replication and persistence.",
  choices: [{ name: "instance", title: "Instance", series: 'redis_up{namespace="$namespace"}', label: "instance" }],
  rows: [
    { title: "Now", panels: [mainUp, mains, linked, keys] },
    { title: "Load", panels: [commands, time, clients, memory, errors, evicted] },
    { title: "Replication", panels: [lagBytes, link, syncing] },
    { title: "Persistence", panels: [aof, volume, volumeFull] },
  ],
};
