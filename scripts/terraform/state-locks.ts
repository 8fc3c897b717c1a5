/** Locks on Terraform's states in the cluster: their holders, and since when they are held. */
import { stateSecret } from "../../catalog/names";
import { LAYERS, type LayerName } from "../../stacks/outputs";
import type { Kube, KubeObject } from "../cluster/kubectl";

export interface StateLock {
  readonly layer: LayerName;
  /** The id for `terraform force-unlock`. */
  readonly id: string;
  readonly text: string;
}

const INFO = "app.terraform.io/lock-info";

/** The lock in a Lease; undefined if it is not held. */
export function lockOf(lease: KubeObject, layer: LayerName): StateLock | undefined {
  const holder = lease.spec?.holderIdentity as string | undefined;
  if (!holder) return undefined;
  type Info = { ID?: string; Who?: string; Operation?: string; Created?: string };
  let info: Info;
  try {
    info = JSON.parse(lease.metadata.annotations?.[INFO] ?? "{}") as Info;
  } catch {
    info = {};
  }
  const what = info.Operation?.replace(/^OperationType/, "").toLowerCase() || "a run";
  const since = info.Created ? ` since ${info.Created.slice(0, 19).replace("T", " ")} UTC` : "";
  return { layer, id: info.ID ?? holder, text: `held by ${info.Who ?? "an unknown user"} (${what})${since}` };
}

/**
 * Locks that are currently held. This applies only to states in the cluster: the operating system releases the lock of
 * a file when its holder dies.
 */
export async function stateLocks(kube: Kube): Promise<readonly StateLock[]> {
  const { backend, namespace, prefix } = kube.config.state;
  if (backend !== "kubernetes") return [];
  const leases = await kube.list("leases", "-n", namespace);
  return LAYERS.flatMap((layer) => {
    const lease = leases.find((l) => l.metadata.name === `lock-${stateSecret(prefix, layer)}`);
    const lock = lease && lockOf(lease, layer);
    return lock ? [lock] : [];
  });
}

/** The command that releases a lock manually. */
export const unlockCommand = (terraform: string, lock: StateLock): string =>
  `${terraform} -chdir=cdktf.out/stacks/${lock.layer} force-unlock ${lock.id}`;
