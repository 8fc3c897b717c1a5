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
const POLL_MS = 500;

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
  const ours = create ? ["--all"] : ["-l", `${PART_LABEL}=${PART_OF}`];
  // an existing namespace can also contain a monitoring system that is not ours
  const all = create && observability === "install" ? [app, monitoring] : [app];
  const pods = async () =>
    (
      await Promise.all(
        all.map((name) => kube.list("pods", "-n", name, ...(create ? [] : ["-l", `${PART_LABEL}=${PART_OF}`]))),
      )
    )
      .flat()
      .filter((pod) => pod.status?.phase !== "Succeeded" && pod.status?.phase !== "Failed");
  const remove = (kinds: string, namespace: string, ...more: string[]) =>
    kube.raw(["-n", namespace, "delete", kinds, ...ours, "--ignore-not-found", "--cascade=foreground", ...more], {
      timeoutMs: LIMIT_MS,
    });
  try {
    const before = (await pods()).length;
    if (!before) return "none";
    await Promise.all([
      remove("cronjobs,deployments,statefulsets", app, "--wait=false"),
      // the Prometheus operator must end first, because it would create its StatefulSets again
      ...(all.includes(monitoring)
        ? [
            remove("deployments", monitoring, "--timeout=30s").then(() =>
              remove("statefulsets,daemonsets", monitoring, "--wait=false"),
            ),
          ]
        : []),
    ]);
    const end = Date.now() + LIMIT_MS;
    for (;;) {
      const left = (await pods()).length;
      if (!left) return `${before} ended`;
      if (Date.now() > end) return `${left} of ${before} still end`;
      onProgress(`waiting for ${left} pods to end`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  } catch (error) {
    if (!(error instanceof RunError)) throw error;
    return `left to Terraform: ${error.message}`;
  }
}
