import { Construct } from "constructs";
import { Manifest } from "@cdktf/provider-kubernetes/lib/manifest";
import { PersistentVolumeClaimV1 } from "@cdktf/provider-kubernetes/lib/persistent-volume-claim-v1";
import type { CronJob } from "kubernetes-types/batch/v1";
import type { Config } from "./config";
import { BACKUPS_CLAIM, labels, REDIS_USER, WORKLOADS } from "./names";
import { containerSecurity, podSpec, resourcesOf } from "./pod";
import type { RedisConfig } from "./redis-config";
import { thirdPartyImage } from "./third-party-image";

const NAME = "redis-backup";
/** A backup that has not ended by then failed, seconds. */
const LIMIT_SECONDS = 1800;

export interface RedisBackupProps {
  readonly namespace: string;
  readonly config: Config;
  readonly files: RedisConfig;
}

/**
 * A backup of main now and then, onto a volume of its own: what the disk under main takes with it is not on it.
 *
 * The volume goes with the namespace, as main's does: bring away what must outlive it (`npm run backup -- --fetch`).
 */
export class RedisBackup extends Construct {
  constructor(scope: Construct, id: string, props: RedisBackupProps) {
    super(scope, id);
    const { namespace, config, files } = props;
    const { backup } = config.redis;
    if (backup.schedule === null) throw new Error("redis.backup.schedule is null: there is nothing to schedule");
    const metadata = { namespace, labels: labels(NAME) };
    const claim = new PersistentVolumeClaimV1(this, "claim", {
      metadata: { ...metadata, name: BACKUPS_CLAIM },
      spec: {
        accessModes: ["ReadWriteOnce"],
        resources: { requests: { storage: backup.storage } },
        ...(config.redis.storageClass ? { storageClassName: config.redis.storageClass } : {}),
      },
      // a class may bind it only when the first pod comes
      waitUntilBound: false,
    });
    const pod = podSpec({
      component: NAME,
      config,
      runAsUser: REDIS_USER,
      terminationGracePeriodSeconds: 10,
      volumes: [
        ...files.volumesFor("backup"),
        { name: "backups", persistentVolumeClaim: { claimName: claim.metadata.name } },
      ],
      containers: [
        {
          name: "backup",
          image: thirdPartyImage(config, "redis"),
          command: ["sh", files.script("backup.sh"), WORKLOADS["redis-main"], String(backup.keep)],
          ...(files.env.length ? { env: [...files.env] } : {}),
          resources: resourcesOf(config.redis.exporter),
          securityContext: containerSecurity(),
          volumeMounts: [...files.mounts, { name: "backups", mountPath: "/backups" }],
          terminationMessagePolicy: "FallbackToLogsOnError",
        },
      ],
    });
    const cronJob: CronJob = {
      apiVersion: "batch/v1",
      kind: "CronJob",
      metadata: { ...metadata, name: NAME },
      spec: {
        schedule: backup.schedule,
        timeZone: "Etc/UTC",
        // the volume has room for one writer
        concurrencyPolicy: "Forbid",
        startingDeadlineSeconds: LIMIT_SECONDS,
        successfulJobsHistoryLimit: 1,
        failedJobsHistoryLimit: 1,
        jobTemplate: {
          metadata: { labels: labels(NAME) },
          spec: {
            backoffLimit: 3,
            activeDeadlineSeconds: LIMIT_SECONDS,
            template: { metadata: { labels: labels(NAME) }, spec: { ...pod, restartPolicy: "Never" } },
          },
        },
      },
    };
    new Manifest(this, "cron-job", { manifest: cronJob as unknown as Record<string, unknown> });
  }
}
