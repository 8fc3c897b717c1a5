/** Writes a Deployment's replica count, unless the count has changed since it was read. */
import { StatusError, type KubernetesClient } from "./client";
import { workloadView } from "./objects";

/**
 * Time limit for a write, so that it has ended before another scaler may start to write: the holder of a {@link Lease}
 * stops writing this long before the lease expires.
 */
export const WRITE_MS = 1500;
/** Owner of the count in the Deployment's `managedFields`. */
const FIELD_MANAGER = "scaler";
/** More than one: a rollout keeps changing the Deployment's status, so the version that was read is soon outdated. */
const ATTEMPTS = 4;

export interface ScaleChange {
  readonly namespace: string;
  readonly workload: string;
  readonly from: number;
  readonly to: number;
  /** Version of the Deployment from which `from` was read. */
  readonly resourceVersion: string;
  /** Queried before each attempt. */
  readonly mayWrite: () => boolean;
}

export interface ScaleResult {
  /** `changed`: the count is no longer `from`. `refused`: `mayWrite` returned false. */
  readonly outcome: "written" | "changed" | "refused";
  /** The Scale afterwards, if the API server sent one. */
  readonly scale?: unknown;
}

/** @throws StatusError, or another error if there is no answer; it is then unknown whether the count was written */
export async function writeScale(client: KubernetesClient, change: ScaleChange): Promise<ScaleResult> {
  const { namespace, workload, from, to, mayWrite } = change;
  const path = `/apis/apps/v1/namespaces/${namespace}/deployments/${workload}/scale`;
  let { resourceVersion } = change;
  const end = performance.now() + WRITE_MS;
  for (let attempt = 1; ; attempt++) {
    const timeoutMs = Math.max(1, end - performance.now());
    if (!mayWrite()) return { outcome: "refused" };
    try {
      // with a version, the API server rejects the write if the Deployment has changed since
      const body = { metadata: { resourceVersion }, spec: { replicas: to } };
      const scale = await client.call<unknown>("PATCH", path, {
        timeoutMs,
        query: { fieldManager: FIELD_MANAGER },
        body,
        contentType: "application/merge-patch+json",
      });
      return { outcome: "written", scale };
    } catch (error) {
      if (!(error instanceof StatusError) || error.status !== 409 || attempt === ATTEMPTS) throw error;
    }
    const scale = await client.call<unknown>("GET", path, { timeoutMs: Math.max(1, end - performance.now()) });
    const now = workloadView(scale);
    if (now.replicas !== from) return { outcome: "changed", scale };
    ({ resourceVersion } = now);
  }
}
