/** Configuration files of Redis and Sentinel, as text. */
import { REDIS_PORT, SENTINEL_PORT, WORKLOAD_NAME } from "../../catalog/workloads";
import { redisBytes, type Config } from "../../config";
import { listen } from "./tls";

/** Folder that access.sh writes to. */
export const ACCESS_DIR = "/run/redis";

const access = `aclfile ${ACCESS_DIR}/users.acl\ninclude ${ACCESS_DIR}/replication.conf`;

/** Redis' own default: a smaller append-only file is not rewritten. */
const REWRITE_FROM = 64 * 2 ** 20;

/** Main: an append-only file on its volume; replicas get a diskless copy. */
export const mainConf = (redis: Config["redis"]): string => `
${access}
${listen(redis, REDIS_PORT)}
dir /data
# safe: an acknowledged write is on disk; fast: at most the last second of writes is not
appendonly yes
appendfsync ${redis.durability === "fast" ? "everysec" : "always"}
# no snapshots next to it: a failed one would make Redis refuse writes, PING and SIGTERM
save ""
stop-writes-on-bgsave-error no
shutdown-on-sigterm nosave force
maxmemory ${redis.maxMemory}
maxmemory-policy noeviction
# rewritten before it has grown by half of the data, so that it, its rewrite and the writes meanwhile fit on a volume of
# four times maxmemory; disk-guard.sh handles what does not
auto-aof-rewrite-percentage 50
auto-aof-rewrite-min-size ${Math.min(REWRITE_FROM, Math.ceil(redisBytes(redis.maxMemory) / 4))}
# a new replica gets its copy immediately, straight from memory
repl-diskless-sync yes
repl-diskless-sync-delay 0
repl-backlog-size 16mb
# both ends detect a dead link (main recreated at another address) soon enough for redis.staleSeconds
repl-timeout 15
repl-ping-replica-period 2
tcp-keepalive 60
${redis.durability === "ha" ? memberConf : ""}`;

/** Settings of a member of the Sentinel group, in addition to those of a single main. */
const memberConf = `# a main without a replica that replied within 3 s refuses writes: an isolated one may no longer be main
min-replicas-to-write 1
min-replicas-max-lag 3
# another member is main before SIGTERM, so clients that are still connected are disconnected instead of waiting
shutdown-timeout 1
`;

/** Sentinels replace main after a majority has had no reply from it for this long, ms. */
const DOWN_AFTER_MS = 3000;

/**
 * Sentinel: the settings that all of them share; start-sentinel.sh adds the rest, and puts lines with #main after
 * `monitor`.
 */
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

/** Read replica: an in-memory copy, never promoted. */
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
# a dead connection is closed; main pings every two seconds
repl-timeout 10
tcp-keepalive 60
`;
