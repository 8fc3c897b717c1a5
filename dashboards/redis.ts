import { dashboard, stat, timeseries } from "./panels";

/** Dashboard `iac-redis`: main and its replicas, each by name. */
export function redis(namespace: string): object {
  const all = `namespace="${namespace}", job="redis"`;
  return dashboard({
    uid: "iac-redis",
    title: "Redis",
    description: "Main and replicas: health, replication, load, memory and persistence.",
    rows: [
      {
        title: "Now",
        panels: [
          stat({
            title: "Main",
            description: "1 while main answers.",
            unit: "short",
            queries: [{ expr: `sum(redis_up{${all}, instance=~"redis-main-.*"})`, legend: "main" }],
          }),
          stat({
            title: "Replicas linked",
            description: "Replicas whose link to main is up.",
            unit: "short",
            queries: [{ expr: `sum(redis_master_link_up{${all}})`, legend: "linked" }],
          }),
          stat({
            title: "Keys",
            description: "Keys on main.",
            unit: "short",
            queries: [{ expr: `sum(redis_db_keys{${all}, instance=~"redis-main-.*"})`, legend: "keys" }],
          }),
          stat({
            title: "Memory",
            description: "Memory of main as a share of its limit. At 1 writes are refused.",
            unit: "percentunit",
            queries: [
              {
                expr: `max(redis_memory_used_bytes{${all}, instance=~"redis-main-.*"} / (redis_memory_max_bytes{${all}, instance=~"redis-main-.*"} > 0))`,
                legend: "used",
              },
            ],
          }),
        ],
      },
      {
        title: "Load",
        panels: [
          timeseries({
            title: "Commands",
            description: "Commands per second of each instance. A replica near zero beside busy ones sits idle.",
            unit: "ops",
            queries: [{ expr: `rate(redis_commands_processed_total{${all}}[1m])`, legend: "{{instance}}" }],
          }),
          timeseries({
            title: "Clients",
            description: "Connected clients of each instance.",
            unit: "short",
            queries: [{ expr: `redis_connected_clients{${all}}`, legend: "{{instance}}" }],
          }),
          timeseries({
            title: "Memory",
            description: "Memory that each instance's data takes.",
            unit: "bytes",
            queries: [{ expr: `redis_memory_used_bytes{${all}}`, legend: "{{instance}}" }],
          }),
        ],
      },
      {
        title: "Replication and persistence",
        panels: [
          timeseries({
            title: "Lag",
            description: "Bytes of the replication stream that each replica is behind main.",
            unit: "bytes",
            queries: [
              {
                expr: `clamp_min(scalar(max(redis_master_repl_offset{${all}, instance=~"redis-main-.*"})) - redis_slave_repl_offset{${all}}, 0)`,
                legend: "{{instance}}",
              },
            ],
          }),
          timeseries({
            title: "Link to main",
            description: "1 while a replica's link to main is up.",
            unit: "short",
            queries: [{ expr: `redis_master_link_up{${all}}`, legend: "{{instance}}" }],
          }),
          timeseries({
            title: "Append-only file",
            description: "1 while main's last write to its append-only file succeeded.",
            unit: "short",
            queries: [
              { expr: `redis_aof_last_write_status{${all}, instance=~"redis-main-.*"}`, legend: "{{instance}}" },
            ],
          }),
        ],
      },
    ],
  });
}
