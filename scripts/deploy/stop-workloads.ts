/**
 * Ends the pods of all layers at once, before Terraform removes everything else.
 *
 * Kubernetes deletes a namespace quickly only if its pods have already ended: while pods remain, it waits for half of
 * their grace period before it looks again, which is 30 s for Redis main. Terraform also removes one layer after
 * another, so the pods of each would end only after those of the previous one.
 */
import { PART_OF } from "../../catalog/names";
import { isOurs, PART_LABEL } from "../cluster/kube-object";
import type { Kube, KubeObject } from "../cluster/kubectl";
import { RunError } from "../terminal/run-program";

/** Longest time to wait for the pods; Terraform then waits for the rest, in ms. */
const LIMIT_MS = 60_000;
const POLL_MS = 1000;
/** Time that each pod has to end, in seconds: no caller and no data will be there afterwards. */
const GRACE_S = 5;

const ofDeployment = ({ metadata }: KubeObject): boolean => metadata.ownerReferences?.[0]?.kind === "ReplicaSet";

/**
 * Terraform removes whatever this leaves, so an error ends it early, without a failure.
 *
 * KEDA's pods are left to Terraform, because its operator must remove the finalizers of our ScaledObjects.
 *
 * @returns the number of pods that ended, or why they did not
 */
export async function stopWorkloads(kube: Kube, onProgress: (text: string) => void): Promise<string> {
  const { namespaces, observability } = kube.config;
  const { app, monitoring, create } = namespaces;
  const ofProject = `${PART_LABEL}=${PART_OF}`;
  // an existing namespace can also contain a monitoring system that is not ours
  const named = create && observability === "install" ? [app, monitoring] : [app];
  /** With `create`, everything in these namespaces ends, so each must have our label. */
  const isSafe = async (name: string) => !create || (await kube.visible("namespace", name)).some(isOurs);
  const pods = async (namespace: string) =>
    (await kube.list("pods", "-n", namespace, ...(create ? [] : ["-l", ofProject]))).filter(
      (pod) => pod.status?.phase !== "Succeeded" && pod.status?.phase !== "Failed",
    );
  const remove = (namespace: string, ...what: string[]) =>
    kube.raw(["-n", namespace, "delete", ...what, "--ignore-not-found"], { timeoutMs: LIMIT_MS });
  const chosen = create ? ["--all"] : ["-l", ofProject];
  /**
   * Ends the pods of one namespace. Their owners are deleted first, without their pods: an owner that deletes its own
   * pods gives them their full grace period.
   */
  const stop = async (namespace: string, end: number): Promise<void> => {
    // the Prometheus operator must end first, because it would create its StatefulSets again
    const steps =
      namespace === app
        ? [["cronjobs,deployments,statefulsets", "jobs,replicasets"]]
        : [["deployments", "replicasets"], ["statefulsets,daemonsets"]];
    for (const owners of steps) {
      const ofOperator = owners === steps.at(-1) ? undefined : (await pods(namespace)).filter(ofDeployment);
      for (const kinds of owners) await remove(namespace, kinds, ...chosen, "--cascade=orphan", "--timeout=20s");
      const names = (ofOperator ?? (await pods(namespace))).map((pod) => pod.metadata.name);
      if (!names.length) continue;
      await remove(namespace, "pods", ...names, `--grace-period=${GRACE_S}`, "--wait=false");
      const left = async () => (await pods(namespace)).filter((pod) => names.includes(pod.metadata.name)).length;
      for (let n = await left(); n && Date.now() < end; n = await left()) {
        onProgress(`waiting for ${n} pods in ${namespace} to end`);
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
    }
    // a namespace with a claim takes 8 s longer; in a namespace that stays, only ours are deleted, at the end
    if (create) await remove(namespace, "pvc", "--all", "--wait=false");
  };
  try {
    const safe = await Promise.all(named.map(isSafe));
    const all = named.filter((_, i) => safe[i]);
    const before = (await Promise.all(all.map(pods))).flat().length;
    if (!before) return "none";
    const end = Date.now() + LIMIT_MS;
    await Promise.all(all.map((namespace) => stop(namespace, end)));
    const left = (await Promise.all(all.map(pods))).flat().length;
    return left ? `${left} of ${before} have not ended yet` : `${before} ended`;
  } catch (error) {
    if (!(error instanceof RunError)) throw error;
    return `left to Terraform: ${error.message}`;
  }
}
