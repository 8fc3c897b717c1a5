/** Writes the count of a Deployment, if nothing has changed it since it was read. */
import { StatusError, type KubernetesClient } from "./client";
import { workloadView } from "./objects";

/**
 * A write must have ended before another scaler may start to write: see {@link Lease}, whose holder stops writing this long
 * before its lease ends.
 */
export const WRITE_MS = 1500;
/** Owner of the count in the Deployment's `managedFields`. */
const FIELD_MANAGER = "scaler";
/** A rollout changes the Deployment's status all the time, so that what was read is soon out of date. */
const ATTEMPTS = 4;

export interface ScaleChange {
  readonly namespace: string;
  readonly workload: string;
  readonly from: number;
  readonly to: number;
  /** Version of the Deployment that `from` was read with. */
  readonly resourceVersion: string;
  /** Queried before each attempt. */
  readonly mayWrite: () => boolean;
}

export interface ScaleResult {
  /** `changed`: the count is not `from` any more. `refused`: `mayWrite` says no. */
  readonly outcome: "written" | "changed" | "refused";
  /** The Scale afterwards, if the API server sent one. */
  readonly scale?: unknown;
}

/** @throws StatusError, or an error without an answer: then it is unknown whether it was written */
export async function writeScale(client: KubernetesClient, change: ScaleChange): Promise<ScaleResult> {
  const { namespace, workload, from, to, mayWrite } = change;
  const path = `/apis/apps/v1/namespaces/${namespace}/deployments/${workload}/scale`;
  let { resourceVersion } = change;
  const end = performance.now() + WRITE_MS;
  for (let attempt = 1; ; attempt++) {
    const timeoutMs = Math.max(1, end - performance.now());
    if (!mayWrite()) return { outcome: "refused" };
    try {
      // with a version, the API server refuses to change what has changed since
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
