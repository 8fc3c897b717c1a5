/** Locks of Terraform's states in the cluster: who holds them, and since when. */
import { LAYERS, type LayerName } from "../../stacks/outputs";
import type { Kube, KubeObject } from "../cluster/kubectl";

export interface StateLock {
  readonly layer: LayerName;
  /** What Terraform takes to give it up. */
  readonly id: string;
  readonly text: string;
}

const INFO = "app.terraform.io/lock-info";

/** A lock as its Lease tells; undefined where nobody holds it. */
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
  return { layer, id: info.ID ?? holder, text: `held by ${info.Who ?? "somebody"} (${what})${since}` };
}

/** Those that are held now; a state in a file is freed by the system when its holder dies. */
export async function stateLocks(kube: Kube): Promise<readonly StateLock[]> {
  const { backend, namespace, prefix } = kube.config.state;
  if (backend !== "kubernetes") return [];
  const leases = await kube.list("leases", "-n", namespace);
  return LAYERS.flatMap((layer) => {
    const lease = leases.find((l) => l.metadata.name === `lock-tfstate-default-${prefix}-${layer}`);
    const lock = lease && lockOf(lease, layer);
    return lock ? [lock] : [];
  });
}

/** The command that gives a lock up by hand. */
export const unlockCommand = (terraform: string, lock: StateLock): string =>
  `${terraform} -chdir=cdktf.out/stacks/${lock.layer} force-unlock ${lock.id}`;
