import { Construct, type IConstruct } from "constructs";
import { PersistentVolumeClaimV1 } from "@cdktf/provider-kubernetes/lib/persistent-volume-claim-v1";
import type { CronJob } from "kubernetes-types/batch/v1";
import type { Container } from "kubernetes-types/core/v1";
import type { Config } from "../../config";
import { resourcesIn } from "../terraform/resources-in";
import { BACKUPS_CLAIM, labels, REDIS_USER } from "../../catalog/names";
import { WORKLOAD_NAME } from "../../catalog/workloads";
import { writeObject } from "../kubernetes/object";
import { containerSecurity, podSpec, resourcesOf } from "../kubernetes/pod";
import type { RedisFiles } from "./files";
import { thirdPartyImage } from "../images/third-party-image";

const NAME = "redis-backup";
/** Deadline of a backup, seconds; after that it has failed. */
const DEADLINE_SECONDS = 1800;

export interface RedisBackupProps {
  /** Namespace that the objects are created in. */
  readonly namespace: string;
  /** The whole configuration. */
  readonly config: Config;
  /** The files that all Redis pods share. */
  readonly files: RedisFiles;
  /**
   * Constructs that must exist before the volume: a quota not yet raised would refuse it.
   * @default none
   */
  readonly after?: readonly IConstruct[];
}

/**
 * Scheduled backups of main, to a separate volume or a bucket, so that they survive a failure of main's disk.
 *
 * The volume is deleted with the namespace, like main's: to keep a backup, download it (`npm run backup -- --fetch`).
 */
export class RedisBackup extends Construct {
  /** @throws if `redis.backup.schedule` is null */
  constructor(scope: Construct, id: string, props: RedisBackupProps) {
    super(scope, id);
    const { namespace, config, files } = props;
    const { backup } = config.redis;
    if (backup.schedule === null) throw new Error("redis.backup.schedule is null: set it, or leave out RedisBackup");
    const metadata = { namespace, labels: labels(NAME) };
    const { s3 } = backup;
    const backups = { name: "backups", mountPath: "/backups" };
    const createBackup: Container = {
      name: "backup",
      image: thirdPartyImage(config, "redis"),
      command: ["sh", files.script("backup.sh"), WORKLOAD_NAME["redis-main"], String(backup.keep)],
      ...(files.env.length ? { env: [...files.env] } : {}),
      resources: resourcesOf(config.redis.exporter),
      securityContext: containerSecurity(),
      volumeMounts: [...files.mounts, backups],
      terminationMessagePolicy: "FallbackToLogsOnError",
    };
    const uploadBackup: Container = {
      name: "upload",
      image: thirdPartyImage(config, "curl"),
      command: ["sh", files.script("upload-backup.sh"), bucketAddress(s3), s3.region],
      resources: resourcesOf(config.redis.exporter),
      securityContext: containerSecurity(),
      volumeMounts: [...files.mounts, backups, { name: "s3", mountPath: "/run/secrets/s3", readOnly: true }],
      terminationMessagePolicy: "FallbackToLogsOnError",
    };
    const pod = podSpec({
      component: NAME,
      config,
      runAsUser: REDIS_USER,
      terminationGracePeriodSeconds: 10,
      volumes: [
        ...files.volumesFor("backup"),
        ...(s3.endpoint === null
          ? [{ name: "backups", persistentVolumeClaim: { claimName: this.claim(metadata, props) } }]
          : [
              { name: "backups", emptyDir: { sizeLimit: backup.storage } },
              { name: "s3", secret: { secretName: s3.secret!, defaultMode: 0o440 } },
            ]),
      ],
      containers: [s3.endpoint === null ? createBackup : uploadBackup],
    });
    const cronJob: CronJob = {
      apiVersion: "batch/v1",
      kind: "CronJob",
      metadata: { ...metadata, name: NAME },
      spec: {
        schedule: backup.schedule,
        timeZone: "Etc/UTC",
        // the volume has room for only one backup job at a time
        concurrencyPolicy: "Forbid",
        startingDeadlineSeconds: DEADLINE_SECONDS,
        successfulJobsHistoryLimit: 1,
        failedJobsHistoryLimit: 1,
        jobTemplate: {
          metadata: { labels: labels(NAME) },
          spec: {
            backoffLimit: 3,
            activeDeadlineSeconds: DEADLINE_SECONDS,
            template: {
              metadata: { labels: labels(NAME) },
              spec: {
                ...pod,
                ...(s3.endpoint === null ? {} : { initContainers: [createBackup] }),
                restartPolicy: "Never",
              },
            },
          },
        },
      },
    };
    writeObject(this, "cron-job", {
      config,
      name: NAME,
      namespace,
      object: cronJob,
      // Terraform is its only owner: manual changes are reverted instead of blocking every deployment
      fieldManager: { name: "terraform", forceConflicts: true },
    });
  }

  /** Creates the backups' volume and returns its name. */
  private claim(metadata: { namespace: string; labels: Record<string, string> }, props: RedisBackupProps): string {
    const { redis } = props.config;
    const claim = new PersistentVolumeClaimV1(this, "claim", {
      metadata: { ...metadata, name: BACKUPS_CLAIM },
      spec: {
        accessModes: ["ReadWriteOnce"],
        resources: { requests: { storage: redis.backup.storage } },
        ...(redis.storageClass ? { storageClassName: redis.storageClass } : {}),
      },
      // some storage classes bind a volume only when its first pod is scheduled
      waitUntilBound: false,
      // Terraform would replace the claim, and delete every backup, if its size were smaller than now or its class
      // different; `npm run up` enlarges it (scripts/deploy/volumes.ts)
      lifecycle: { ignoreChanges: ["spec"] },
      dependsOn: resourcesIn(...(props.after ?? [])),
    });
    return claim.metadata.name;
  }
}

/** URL of the folder for backups. */
const bucketAddress = (s3: Config["redis"]["backup"]["s3"]): string =>
  [s3.endpoint?.replace(/\/+$/, ""), s3.bucket, ...s3.folder.split("/").filter(Boolean)].join("/");
