import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { Construct } from "constructs";
import { ConfigMapV1 } from "@cdktf/provider-kubernetes/lib/config-map-v1";
import type { Container, EnvVar, KeyToPath, PodSpec, Probe } from "kubernetes-types/core/v1";
import type { Config } from "../config";
import { literal } from "./literal";
import { projectLabels, REDIS_PORT, SENTINEL_PORT, WORKLOADS } from "../catalog/names";
import { CLI, CLI_ENV, hasTls, listen, TLS_MOUNT, tlsVolume } from "./redis-tls";
import { redisUsers, sentinelUsers, type RedisUserName } from "./redis-users";

const SCRIPTS = path.resolve(__dirname, "redis-scripts");
const script = (name: string) => fs.readFileSync(path.join(SCRIPTS, name), "utf8");

const CONFIG_DIR = "/etc/redis";
const SECRET_DIR = "/run/secrets/redis";
/** Where access.sh writes to. */
const ACCESS_DIR = "/run/redis";

const POOL_SCRIPTS = ["pool.sh", "start-member.sh", "stop-member.sh", "start-sentinel.sh", "tune-sentinel.sh"] as const;

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
replicaof ${WORKLOADS["redis-main"]} ${REDIS_PORT}
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

export interface RedisConfigProps {
  readonly namespace: string;
  readonly redis: Config["redis"];
  /** Name of the Secret with a password a user. */
  readonly secretName: string;
  /** Addresses of the pool that main is chosen from. @default one main alone */
  readonly pool?: readonly string[];
}

/** The ConfigMap that main, replicas and exporter share: their files and scripts. */
export class RedisConfig extends Construct {
  /** Hash of all files: what rolls the pods when one of them changes. */
  readonly hash: string;
  private readonly name: string;
  private readonly pool: boolean;
  private readonly secretName: string;
  private readonly tls: string | null;

  constructor(scope: Construct, id: string, props: RedisConfigProps) {
    super(scope, id);
    const data = {
      "main.conf": mainConf(props.redis),
      "replica.conf": replicaConf(props.redis),
      users: redisUsers(props.pool !== undefined),
      "access.sh": script("access.sh"),
      "reload-access.sh": script("reload-access.sh"),
      "start-main.sh": script("start-main.sh"),
      "take-snapshot.sh": script("take-snapshot.sh"),
      "start-replica.sh": script("start-replica.sh"),
      "probe.sh": script("probe.sh"),
      "exporter-passwords.sh": script("exporter-passwords.sh"),
      ...(hasTls(props.redis) ? { "redis-cli": CLI, "watch-certificate.sh": script("watch-certificate.sh") } : {}),
      ...(props.redis.backup.schedule === null
        ? {}
        : { "backup.sh": script("backup.sh"), "upload-backup.sh": script("upload-backup.sh") }),
      ...(props.pool
        ? {
            ...Object.fromEntries(POOL_SCRIPTS.map((name) => [name, script(name)])),
            "sentinel.conf": sentinelConf(props.redis),
            "sentinel-users": sentinelUsers(),
          }
        : {}),
    };
    this.hash = createHash("sha256").update(JSON.stringify(data)).digest("hex").slice(0, 16);
    this.pool = props.pool !== undefined;
    this.secretName = props.secretName;
    this.tls = props.redis.tls.secret;
    this.mounts = [
      { name: "config", mountPath: CONFIG_DIR, readOnly: true },
      { name: "secret", mountPath: SECRET_DIR, readOnly: true },
      ...(this.tls === null ? [] : [TLS_MOUNT]),
    ];
    this.serverMounts = [...this.mounts, { name: "access", mountPath: ACCESS_DIR }];
    this.env = this.tls === null ? [] : [CLI_ENV];
    const map = new ConfigMapV1(this, "config-map", {
      metadata: { name: "redis-config", namespace: props.namespace, labels: projectLabels },
      data: {
        ...Object.fromEntries(Object.entries(data).map(([file, text]) => [file, literal(text)])),
        // known when it is applied, and the same ever after
        ...(props.pool ? { pool: props.pool.map((address) => `${address}\n`).join("") } : {}),
      },
    });
    this.name = map.metadata.name;
  }

  /** For whoever only reads what {@link volumesFor} gives. */
  readonly mounts: NonNullable<Container["volumeMounts"]>;
  /** For a Redis or a Sentinel. */
  readonly serverMounts: NonNullable<Container["volumeMounts"]>;
  /** For every container that calls redis-cli. */
  readonly env: readonly EnvVar[];

  /** The files, with the password of one user. */
  volumesFor(user: RedisUserName): NonNullable<PodSpec["volumes"]> {
    return [...this.volumes([{ key: user, path: user }]), ...this.certificates("caller")];
  }

  /** The files, with the passwords of all users: a server must know them. */
  get serverVolumes(): NonNullable<PodSpec["volumes"]> {
    return [
      ...this.volumes(),
      ...this.certificates("server"),
      { name: "access", emptyDir: { medium: "Memory", sizeLimit: "1Mi" } },
    ];
  }

  private certificates(whose: "server" | "caller"): NonNullable<PodSpec["volumes"]> {
    return this.tls === null ? [] : [tlsVolume(this.tls, whose)];
  }

  private volumes(items?: KeyToPath[]): NonNullable<PodSpec["volumes"]> {
    const secret = { secretName: this.secretName, defaultMode: 0o440, ...(items ? { items } : {}) };
    return [
      { name: "config", configMap: { name: this.name, defaultMode: 0o555 } },
      { name: "secret", secret },
    ];
  }

  command(role: "main" | "replica"): string[] {
    if (role === "main") return ["sh", this.script(this.pool ? "start-member.sh" : "start-main.sh")];
    // announced by a name, a replica for reads is none that a Sentinel could promote
    const announced = ["--replica-announce-ip", `$(POD).${WORKLOADS["redis-replica"]}-headless`];
    return ["sh", this.script("start-replica.sh"), ...(this.pool ? announced : [])];
  }

  script(
    name:
      | "backup.sh"
      | "upload-backup.sh"
      | "exporter-passwords.sh"
      | "start-main.sh"
      | "start-replica.sh"
      | (typeof POOL_SCRIPTS)[number],
  ): string {
    return `${CONFIG_DIR}/${name}`;
  }

  /** Probes of a Redis pod. `staleSeconds`: see `redis.staleSeconds`. */
  probes(
    role: "main" | "replica",
    staleSeconds: number,
  ): Record<"startupProbe" | "livenessProbe" | "readinessProbe", Probe> {
    const exec = (...args: string[]) => ({ command: ["sh", `${CONFIG_DIR}/probe.sh`, ...args] });
    const ready = role === "main" ? exec(this.pool ? "member" : "main") : exec("replica", String(staleSeconds));
    return {
      startupProbe:
        role === "main"
          ? // a long append-only file loads for minutes; PING answers LOADING meanwhile
            { exec: exec("live"), periodSeconds: 1, timeoutSeconds: 5, failureThreshold: 120 }
          : // what makes it Ready, looked for each second while it starts and at leisure afterwards; a large copy takes long
            { exec: ready, periodSeconds: 1, timeoutSeconds: 5, failureThreshold: 600 },
      livenessProbe: { exec: exec("live"), periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 6 },
      readinessProbe: { exec: ready, periodSeconds: 3, timeoutSeconds: 3, failureThreshold: 2 },
    };
  }
}
