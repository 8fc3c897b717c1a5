/** Lists and downloads scheduled backups, through a short-lived pod that mounts their volume. */
import { containerSecurity } from "../../modules/kubernetes/pod";
import { BACKUPS_CLAIM, projectLabels, REDIS_USER } from "../../catalog/names";
import { thirdPartyImage } from "../../modules/images/third-party-image";
import type { Config } from "../../config";
import { isReady, type Kube } from "../cluster/kubectl";
import { download } from "./file-transfer";
import { Failure } from "../terminal/ui";

const NAME = "redis-backups-reader";
const READY_MS = 120_000;
/** Deadline of the pod, in case it is not deleted, seconds. */
const LIFE = 2400;

const pod = (config: Config) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: NAME, labels: projectLabels },
  spec: {
    restartPolicy: "Never",
    activeDeadlineSeconds: LIFE,
    automountServiceAccountToken: false,
    terminationGracePeriodSeconds: 0,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: REDIS_USER,
      runAsGroup: REDIS_USER,
      fsGroup: REDIS_USER,
      seccompProfile: { type: "RuntimeDefault" },
    },
    volumes: [{ name: "backups", persistentVolumeClaim: { claimName: BACKUPS_CLAIM, readOnly: true } }],
    containers: [
      {
        // the container name that file-transfer.ts uses
        name: "redis",
        image: thirdPartyImage(config, "redis"),
        command: ["sleep", String(LIFE)],
        resources: { requests: { cpu: "10m", memory: "16Mi" }, limits: { memory: "64Mi" } },
        securityContext: containerSecurity(),
        volumeMounts: [{ name: "backups", mountPath: "/backups", readOnly: true }],
      },
    ],
  },
});

export interface Backup {
  readonly name: string;
  readonly bytes: number;
}

export interface BackupVolume {
  /** Newest first. */
  list(): Promise<readonly Backup[]>;
  fetch(name: string, file: string, progress: (bytes: number) => void): Promise<void>;
}

/**
 * @param sizes output of `wc -c`
 * @param order contents of .order, which backup.sh writes: the names in the order in which the backups were made. A
 * name contains the time of the clock, which may have been wrong. Backups that are not in it are older.
 */
export function newestFirst(sizes: string, order: string): readonly Backup[] {
  const made = order.split("\n");
  const backups = [...sizes.matchAll(/^\s*(\d+) \.\/(\S+\.rdb)$/gm)].map(([, bytes, name]) => ({
    name: name!,
    bytes: Number(bytes),
  }));
  return backups.sort((a, b) => made.indexOf(b.name) - made.indexOf(a.name) || (a.name < b.name ? 1 : -1));
}

/** @throws Failure if there is no such volume, or if no pod can mount it within two minutes */
export async function withBackupVolume<T>(kube: Kube, use: (volume: BackupVolume) => Promise<T>): Promise<T> {
  const { app } = kube.config.namespaces;
  const { s3 } = kube.config.redis.backup;
  if (s3.endpoint !== null)
    throw new Failure(
      `Scheduled backups are in the bucket ${s3.bucket} at ${s3.endpoint}, folder ${s3.folder}, not on a volume.`,
      "Download one with an S3 client (such as aws s3 cp), then: npm run restore -- FILE",
    );
  if (!(await kube.get("pvc", BACKUPS_CLAIM, app)))
    throw new Failure(
      "No backups are scheduled, so there is no volume for them.",
      "Set redis.backup.schedule, then: npm run up",
    );
  const remove = () =>
    kube.raw(["-n", app, "delete", "pod", NAME, "--ignore-not-found", "--now"], { timeoutMs: 60_000 });
  await remove();
  await kube.raw(["-n", app, "create", "-f", "-"], { input: JSON.stringify(pod(kube.config)) });
  try {
    const end = Date.now() + READY_MS;
    for (;;) {
      const now = await kube.get("pod", NAME, app);
      if (now && isReady(now)) break;
      if (Date.now() > end)
        throw new Failure(
          `No pod could mount the volume ${BACKUPS_CLAIM} within ${READY_MS / 1000} s. A backup that is running may hold it.`,
          `Run npm run backup again later. To see the reason while it is waiting: kubectl -n ${app} describe pod ${NAME}`,
        );
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    const sh = (script: string) => kube.raw(["-n", app, "exec", NAME, "-c", "redis", "--", "sh", "-c", script]);
    return await use({
      list: async () => {
        const sizes = await sh("cd /backups && find . -maxdepth 1 -name '*.rdb' -exec wc -c {} + | grep rdb || true");
        const order = await sh("cat /backups/.order 2>/dev/null || true");
        return newestFirst(sizes, order);
      },
      fetch: (name, file, progress) => download(kube, NAME, `cat "/backups/${name}"`, file, progress),
    });
  } finally {
    await remove();
  }
}
