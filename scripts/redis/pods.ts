/** Runs commands in the Redis pods of the configured cluster. */
import { WORKLOAD_NAME } from "../../catalog/workloads";
import type { Kube, KubeObject } from "../cluster/kubectl";
import { Failure } from "../terminal/ui";

/** All running Redis pods: main, or the members of the Sentinel group, and the replicas. */
export async function redisPods(kube: Kube): Promise<readonly KubeObject[]> {
  const { app } = kube.config.namespaces;
  const parts = ["redis-main", "redis-replica"].join(",");
  const pods = await kube.list("pods", "-n", app, "-l", `app.kubernetes.io/name in (${parts})`);
  return pods.filter((pod) => pod.status?.phase === "Running" && !pod.metadata.deletionTimestamp);
}

export interface ShellOptions {
  readonly timeoutMs?: number;
  readonly input?: string;
  /** @default redis */
  readonly container?: string;
}

/** Runs a shell command in a Redis pod. */
export const inRedis = (kube: Kube, pod: string, script: string, options: ShellOptions = {}): Promise<string> => {
  const { container = "redis", ...rest } = options;
  const stdin = rest.input === undefined ? [] : ["-i"];
  const args = ["-n", kube.config.namespaces.app, "exec", ...stdin, pod, "-c", container, "--", "sh", "-c", script];
  return kube.raw(args, rest);
};

/** `redis-cli` as user admin; the password is never an argument. */
export const ADMIN_CLI = "REDISCLI_AUTH=$(cat /run/secrets/redis/admin) redis-cli --user admin";

/** Redis' reply to a command; the words are not quoted. */
export async function redisCli(kube: Kube, pod: string, ...words: readonly string[]): Promise<string> {
  return (await inRedis(kube, pod, `${ADMIN_CLI} ${words.join(" ")}`)).trim();
}

/** Name of the pod that is main (primary). @throws Failure if there is none, or more than one */
export async function mainPod(kube: Kube): Promise<string> {
  const pods = (await redisPods(kube))
    .map((p) => p.metadata.name)
    .filter((n) => n.startsWith(WORKLOAD_NAME["redis-main"]));
  if (!pods.length) throw new Failure("Redis main is not running.", "See: npm run status. Deploy it: npm run up");
  const roles = await Promise.all(
    pods.map((pod) => redisCli(kube, pod, "INFO", "replication").catch((e: Error) => e.message)),
  );
  const mains = pods.filter((_, i) => /^role:master\b/m.test(roles[i]!));
  if (mains.length === 1) return mains[0]!;
  throw new Failure(
    mains.length
      ? `More than one pod reports that it is main: ${mains.join(", ")}.`
      : `No pod is main among ${pods.join(", ")}: ${roles[0]}`,
    "See: npm run status and npm run logs -- redis-main",
  );
}
