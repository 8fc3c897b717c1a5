import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { Construct } from "constructs";
import { ConfigMapV1 } from "@cdktf/provider-kubernetes/lib/config-map-v1";
import type { Container, EnvVar, KeyToPath, PodSpec, Probe } from "kubernetes-types/core/v1";
import type { Config } from "../../config";
import { escapeTemplate } from "../terraform/escape";
import { projectLabels } from "../../catalog/names";
import { headlessName } from "../../catalog/workloads";
import { ACCESS_DIR, mainConf, replicaConf, sentinelConf } from "./conf";
import { CLI, CLI_ENV, hasTls, TLS_MOUNT, tlsVolume } from "./tls";
import { redisUsers, sentinelUsers, type RedisUserName } from "./users";

const SCRIPTS = path.resolve(__dirname, "scripts");
const script = (name: string) => fs.readFileSync(path.join(SCRIPTS, name), "utf8");

const CONFIG_DIR = "/etc/redis";
const SECRET_DIR = "/run/secrets/redis";

const GROUP_SCRIPTS = [
  "pool.sh",
  "history.sh",
  "guard.sh",
  "guard-main.sh",
  "guard-copy.sh",
  "guard-restore.sh",
  "start-member.sh",
  "stop-member.sh",
  "start-sentinel.sh",
  "tune-sentinel.sh",
  "watch-sentinel.sh",
] as const;

/** A Sentinel group or a single main. */
export type RedisMode = "group" | "single";

export interface RedisFilesProps {
  /** Namespace that the objects are created in. */
  readonly namespace: string;
  /** Redis' part of the configuration. */
  readonly redis: Config["redis"];
  /** Name of the Secret with a password per user. */
  readonly secretName: string;
  /** Whose files these are. */
  readonly mode: RedisMode;
  /**
   * Addresses of the members of the Sentinel group, by ordinal.
   * @default the group does not exist at present
   */
  readonly pool?: readonly string[];
}

type Durability = Config["redis"]["durability"];
/** Single files that are not in use may be for a main of `fast` or `safe`; the settings of `safe` suit both. */
const durabilityIn = (mode: RedisMode, configured: Durability): Durability =>
  mode === "group" ? "ha" : configured === "ha" ? "safe" : configured;

/**
 * The ConfigMap that main, replicas and exporter share: their files and scripts. Each mode has its own ConfigMap, and
 * both always exist: while `redis.durability` changes, Kubernetes updates the files of running pods, and a pod of the
 * previous mode that restarts before it is replaced must not find the files of the other mode.
 */
export class RedisFiles extends Construct {
  /** Hash of all files, which restarts the pods when a file changes. */
  readonly hash: string;
  private readonly map: ConfigMapV1;
  private readonly hasGroup: boolean;
  private readonly secretName: string;
  private readonly tls: string | null;

  constructor(scope: Construct, id: string, props: RedisFilesProps) {
    super(scope, id);
    const inGroup = props.mode === "group";
    const redis = { ...props.redis, durability: durabilityIn(props.mode, props.redis.durability) };
    const data = {
      "main.conf": mainConf(redis),
      "replica.conf": replicaConf(redis),
      users: redisUsers(inGroup),
      "access.sh": script("access.sh"),
      "query.sh": script("query.sh"),
      "reload-access.sh": script("reload-access.sh"),
      "start-main.sh": script("start-main.sh"),
      "take-snapshot.sh": script("take-snapshot.sh"),
      "restore.sh": script("restore.sh"),
      "append-only.sh": script("append-only.sh"),
      "disk-guard.sh": script("disk-guard.sh"),
      "start-replica.sh": script("start-replica.sh"),
      "probe.sh": script("probe.sh"),
      "exporter-passwords.sh": script("exporter-passwords.sh"),
      ...(hasTls(redis) ? { "redis-cli": CLI, "watch-certificate.sh": script("watch-certificate.sh") } : {}),
      ...(redis.backup.schedule === null
        ? {}
        : { "backup.sh": script("backup.sh"), "upload-backup.sh": script("upload-backup.sh") }),
      ...(inGroup
        ? {
            ...Object.fromEntries(GROUP_SCRIPTS.map((name) => [name, script(name)])),
            "sentinel.conf": sentinelConf(redis),
            "sentinel-users": sentinelUsers(),
          }
        : {}),
    };
    this.hash = createHash("sha256").update(JSON.stringify(data)).digest("hex").slice(0, 16);
    this.hasGroup = inGroup;
    this.secretName = props.secretName;
    this.tls = props.redis.tls.secret;
    this.mounts = [
      { name: "config", mountPath: CONFIG_DIR, readOnly: true },
      { name: "secret", mountPath: SECRET_DIR, readOnly: true },
      ...(this.tls === null ? [] : [TLS_MOUNT]),
    ];
    this.serverMounts = [...this.mounts, { name: "access", mountPath: ACCESS_DIR }];
    this.env = this.tls === null ? [] : [CLI_ENV];
    this.map = new ConfigMapV1(this, "config-map", {
      metadata: { name: `redis-${props.mode}-config`, namespace: props.namespace, labels: projectLabels },
      data: {
        ...Object.fromEntries(Object.entries(data).map(([file, text]) => [file, escapeTemplate(text)])),
        // known only at apply, and constant afterwards
        ...(props.pool ? { pool: props.pool.map((address) => `${address}\n`).join("") } : {}),
      },
    });
  }

  /**
   * Adds the address of main's Service, which the read replicas follow: start-replica.sh. It is not part of the hash,
   * because it is known only at apply.
   */
  addMain(address: string): void {
    this.map.data = { ...this.map.dataInput, main: `${address}\n` };
  }

  /** Mounts of containers with the volumes of {@link volumesFor}. */
  readonly mounts: NonNullable<Container["volumeMounts"]>;
  /** Mounts of a Redis or Sentinel container. */
  readonly serverMounts: NonNullable<Container["volumeMounts"]>;
  /** Environment of containers that call redis-cli. */
  readonly env: readonly EnvVar[];

  /** Volumes with the files and the password of one user. */
  volumesFor(user: RedisUserName): NonNullable<PodSpec["volumes"]> {
    return [...this.volumes([{ key: user, path: user }]), ...this.certificates("caller")];
  }

  /** Volumes with the files and all users' passwords, which a server needs. */
  get serverVolumes(): NonNullable<PodSpec["volumes"]> {
    return [
      ...this.volumes(),
      ...this.certificates("server"),
      { name: "access", emptyDir: { medium: "Memory", sizeLimit: "1Mi" } },
    ];
  }

  private certificates(role: "server" | "caller"): NonNullable<PodSpec["volumes"]> {
    return this.tls === null ? [] : [tlsVolume(this.tls, role)];
  }

  private volumes(items?: KeyToPath[]): NonNullable<PodSpec["volumes"]> {
    const secret = { secretName: this.secretName, defaultMode: 0o440, ...(items ? { items } : {}) };
    return [
      { name: "config", configMap: { name: this.map.metadata.name, defaultMode: 0o555 } },
      { name: "secret", secret },
    ];
  }

  command(role: "main" | "replica"): string[] {
    if (role === "main") return ["sh", this.script(this.hasGroup ? "start-member.sh" : "start-main.sh")];
    // a read replica announces a name, so a Sentinel cannot promote it
    const announced = ["--replica-announce-ip", `$(POD).${headlessName("redis-replica")}`];
    return ["sh", this.script("start-replica.sh"), ...(this.hasGroup ? announced : [])];
  }

  script(
    name:
      | "backup.sh"
      | "upload-backup.sh"
      | "exporter-passwords.sh"
      | "start-main.sh"
      | "start-replica.sh"
      | (typeof GROUP_SCRIPTS)[number],
  ): string {
    return `${CONFIG_DIR}/${name}`;
  }

  /** Probes of a Redis pod; `staleSeconds` is `redis.staleSeconds`. */
  probes(
    role: "main" | "replica",
    staleSeconds: number,
  ): Record<"startupProbe" | "livenessProbe" | "readinessProbe", Probe> {
    const exec = (...args: string[]) => ({ command: ["sh", `${CONFIG_DIR}/probe.sh`, ...args] });
    const ready = role === "main" ? exec(this.hasGroup ? "member" : "main") : exec("replica", String(staleSeconds));
    return {
      startupProbe:
        role === "main"
          ? // a long append-only file takes minutes to load, and PING answers LOADING until then
            { exec: exec("live"), periodSeconds: 1, timeoutSeconds: 5, failureThreshold: 120 }
          : // the readiness check, every second during start-up, because a large copy takes long
            { exec: ready, periodSeconds: 1, timeoutSeconds: 5, failureThreshold: 600 },
      livenessProbe: { exec: exec("live"), periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 6 },
      readinessProbe: { exec: ready, periodSeconds: 3, timeoutSeconds: 3, failureThreshold: 2 },
    };
  }
}
