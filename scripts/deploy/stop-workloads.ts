/**
 * Ends the pods of all layers at once, before Terraform removes everything else.
 *
 * Kubernetes deletes a namespace quickly only if its pods have already ended: while pods remain, it waits for half of
 * their grace period before it looks again, which is 30 s for Redis main. Terraform also removes one layer after
 * another, so the pods of each would end only after those of the previous one.
 */
import { PART_OF } from "../../catalog/names";
import { PART_LABEL } from "../cluster/kube-object";
import type { Kube } from "../cluster/kubectl";
import { RunError } from "../terminal/run-program";

/** Longest time to wait for the pods; Terraform then waits for the rest, in ms. */
const LIMIT_MS = 60_000;
const POLL_MS = 1000;
/** Time that each pod has to end, in seconds: no caller and no data will be there afterwards. */
const GRACE_S = 5;

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
  const all = create && observability === "install" ? [app, monitoring] : [app];
  const pods = async (namespace: string) =>
    (await kube.list("pods", "-n", namespace, ...(create ? [] : ["-l", ofProject]))).filter(
      (pod) => pod.status?.phase !== "Succeeded" && pod.status?.phase !== "Failed",
    );
  const remove = (namespace: string, ...what: string[]) =>
    kube.raw(["-n", namespace, "delete", ...what, "--ignore-not-found", "--wait=false"], { timeoutMs: LIMIT_MS });
  /** Ends the pods of one namespace. Foreground deletion, so that their owners do not replace them. */
  const stop = async (namespace: string, end: number): Promise<void> => {
    // the Prometheus operator must end first, because it would create its StatefulSets again
    const steps =
      namespace === app ? ["cronjobs,deployments,statefulsets"] : ["deployments", "statefulsets,daemonsets"];
    for (const kinds of steps) {
      await remove(namespace, kinds, ...(create ? ["--all"] : ["-l", ofProject]), "--cascade=foreground");
      const those = async () =>
        (await pods(namespace)).filter(
          (pod) => kinds !== "deployments" || pod.metadata.ownerReferences?.[0]?.kind === "ReplicaSet",
        );
      for (let left = await those(); left.length && Date.now() < end; left = await those()) {
        onProgress(`waiting for ${left.length} pods in ${namespace} to end`);
        await remove(namespace, "pods", ...left.map((pod) => pod.metadata.name), `--grace-period=${GRACE_S}`);
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
    }
  };
  try {
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
