/** Configuration files of Redis and Sentinel, as text. */
import { REDIS_PORT, SENTINEL_PORT, WORKLOAD_NAME } from "../../catalog/workloads";
import type { Config } from "../../config";
import { listen } from "./tls";

/** Where access.sh writes to. */
export const ACCESS_DIR = "/run/redis";

const access = `aclfile ${ACCESS_DIR}/users.acl\ninclude ${ACCESS_DIR}/replication.conf`;

/** Main: an append-only file on its volume; replicas copy it without a file in between. */
export const mainConf = (redis: Config["redis"]): string => `
${access}
${listen(redis, REDIS_PORT)}
dir /data
# safe: an answered write is on the disk; fast: at most a second of writes is not
appendonly yes
appendfsync ${redis.durability === "fast" ? "everysec" : "always"}
save 3600 1 300 10000
maxmemory ${redis.maxMemory}
maxmemory-policy noeviction
# a replica that joins gets its copy at once, straight from memory
repl-diskless-sync yes
repl-diskless-sync-delay 0
repl-backlog-size 16mb
# a link that leads nowhere (main made anew at another address) is noticed by both ends, soon enough for redis.staleSeconds
repl-timeout 15
repl-ping-replica-period 2
tcp-keepalive 60
${redis.durability === "ha" ? memberConf : ""}`;

/** What a member of the pool has beyond a lone main. */
const memberConf = `# a main that no other has heard of for so long takes no writes: one that was cut off is main no more
min-replicas-to-write 1
min-replicas-max-lag 3
# it has handed over before it is told to end: whoever is still connected must learn of it, not wait
shutdown-timeout 1
`;

/** Main is replaced when a majority of the Sentinels has not heard of it for so long, ms. */
const DOWN_AFTER_MS = 3000;

/** Sentinel: what is the same for all; start-sentinel.sh adds the rest. Lines with #main belong behind `monitor`. */
export const sentinelConf = (redis: Config["redis"]): string => `
${listen(redis, SENTINEL_PORT)}
dir /tmp
protected-mode no
sentinel resolve-hostnames no
sentinel announce-port ${SENTINEL_PORT}
#main down-after-milliseconds main ${DOWN_AFTER_MS}
#main failover-timeout main 3000
#main parallel-syncs main 2
`;

/** Replica: a copy in memory only, never promoted. */
export const replicaConf = (redis: Config["redis"]): string => `
${access}
${listen(redis, REDIS_PORT)}
dir /data
replicaof ${WORKLOAD_NAME["redis-main"]} ${REDIS_PORT}
replica-read-only yes
replica-serve-stale-data yes
replica-priority 0
repl-diskless-load on-empty-db
appendonly no
save ""
maxmemory ${redis.maxMemory}
# a connection that leads nowhere is given up; main pings every two seconds
repl-timeout 10
tcp-keepalive 60
`;
