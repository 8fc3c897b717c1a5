/** Commands in the Redis pods of the configured cluster. */
import { WORKLOAD_NAME } from "../../catalog/workloads";
import type { Kube, KubeObject } from "../cluster/kubectl";
import { Failure } from "../terminal/ui";

/** Every Redis pod that runs: mains and replicas. */
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

/** Runs a shell line in a Redis pod. */
export const inRedis = (kube: Kube, pod: string, script: string, options: ShellOptions = {}): Promise<string> => {
  const { container = "redis", ...rest } = options;
  const stdin = rest.input === undefined ? [] : ["-i"];
  const args = ["-n", kube.config.namespaces.app, "exec", ...stdin, pod, "-c", container, "--", "sh", "-c", script];
  return kube.raw(args, rest);
};

/** `redis-cli` as its user admin; the password is never an argument. */
export const ADMIN_CLI = "REDISCLI_AUTH=$(cat /run/secrets/redis/admin) redis-cli --user admin";

/** What Redis answers to a command of plain words. */
export async function redisCli(kube: Kube, pod: string, ...words: readonly string[]): Promise<string> {
  return (await inRedis(kube, pod, `${ADMIN_CLI} ${words.join(" ")}`)).trim();
}

/** Name of the pod that is main; a Failure where there is none, or not one. */
export async function mainPod(kube: Kube): Promise<string> {
  const pods = (await redisPods(kube))
    .map((p) => p.metadata.name)
    .filter((n) => n.startsWith(WORKLOAD_NAME["redis-main"]));
  if (!pods.length) throw new Failure("Redis main does not run.", "Deploy it: npm run up. See: npm run status");
  const roles = await Promise.all(
    pods.map((pod) => redisCli(kube, pod, "INFO", "replication").catch((e: Error) => e.message)),
  );
  const mains = pods.filter((_, i) => /^role:master\b/m.test(roles[i]!));
  if (mains.length === 1) return mains[0]!;
  throw new Failure(
    mains.length
      ? `${mains.join(" and ")} both say that they are main.`
      : `No main among ${pods.join(", ")}: ${roles[0]}`,
    "See: npm run status and npm run logs -- redis-main",
  );
}
