/**
 * Recreates main's StatefulSet with another volumeClaimTemplate, because the API server does not allow the template to
 * be changed (kubernetes#68737). The set is deleted without its pods (`--cascade=orphan`) and created again at once,
 * with the same pod template: its selector finds its pods, which still have the same revision, so no pod restarts.
 * Neither Terraform nor Helm is involved. They would recreate the set only later, from the manifest of this checkout,
 * and Helm would not even notice that it is missing. So the set is copied unchanged from the cluster, and afterwards
 * the fields are returned to their managers; otherwise the next apply would conflict with this program. A ConfigMap
 * stores the set until all of this is done. If a run ends in between, the next one finishes it.
 */
import { projectLabels } from "../../catalog/names";
import { WORKLOAD_NAME } from "../../catalog/workloads";
import type { Kube } from "../cluster/kubectl";

/** ConfigMap that holds the set while it is being recreated. */
export const RECREATING = "iacproject-recreating";
/** Field manager of a set that was just created. */
const MANAGER = "iacproject-recreate";
const NAME = WORKLOAD_NAME["redis-main"];
/** Time allowed for deleting a set, whose pods are released first, in ms. */
const DELETION_MS = 60_000;

/** A volume that a StatefulSet creates for each pod. */
export interface ClaimTemplate {
  readonly metadata?: { readonly name?: string };
  readonly spec: {
    readonly storageClassName?: string;
    readonly resources: { readonly requests: { readonly storage: string } };
    readonly [other: string]: unknown;
  };
  readonly [other: string]: unknown;
}
interface ManagedField {
  readonly manager?: string;
  readonly subresource?: string;
  readonly [other: string]: unknown;
}
export interface StatefulSet {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
    readonly managedFields?: readonly ManagedField[];
  };
  readonly spec: { readonly volumeClaimTemplates?: readonly ClaimTemplate[]; readonly [other: string]: unknown };
}
/** Changes the volumeClaimTemplate of a set. */
export type Change = (template: ClaimTemplate) => ClaimTemplate;

const inApp = (kube: Kube) => ["-n", kube.config.namespaces.app];

async function liveSet(kube: Kube): Promise<StatefulSet | undefined> {
  const [set] = await kube.list("statefulset", NAME, ...inApp(kube), "--show-managed-fields");
  return set as StatefulSet | undefined;
}

/** The set that an earlier run started to recreate. */
async function keptSet(kube: Kube): Promise<StatefulSet | undefined> {
  const map = await kube.get("configmap", RECREATING, kube.config.namespaces.app);
  return map?.data?.["set"] === undefined ? undefined : (JSON.parse(map.data["set"]) as StatefulSet);
}

/** Main's StatefulSet; if an earlier run was interrupted while recreating it, the set as that run found it. */
export async function mainSet(kube: Kube): Promise<{ set?: StatefulSet; isHalfDone: boolean }> {
  const [live, kept] = [await liveSet(kube), await keptSet(kube)];
  const set = live && !live.metadata.deletionTimestamp ? live : (kept ?? live);
  return { ...(set ? { set } : {}), isHalfDone: kept !== undefined };
}

async function keep(kube: Kube, set: StatefulSet): Promise<void> {
  const map = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: RECREATING, namespace: kube.config.namespaces.app, labels: projectLabels },
    data: { set: JSON.stringify(set) },
  };
  await kube.raw(["apply", "--server-side", "--field-manager=iacproject", "--force-conflicts", "-f", "-"], {
    input: JSON.stringify(map),
  });
}

const release = (kube: Kube) => kube.raw([...inApp(kube), "delete", "configmap", RECREATING, "--ignore-not-found"]);

/** Deletes the set without its pods, and waits until it is deleted. */
const deleteSet = (kube: Kube) =>
  kube.raw(
    [
      ...[...inApp(kube), "delete", "statefulset", NAME, "--cascade=orphan"],
      ...["--ignore-not-found", `--timeout=${DELETION_MS / 1000}s`],
    ],
    { timeoutMs: DELETION_MS + 10_000 },
  );

/** Creates the set as it was, without the fields that belong to the deleted object. */
async function create(kube: Kube, { apiVersion, kind, metadata, spec }: StatefulSet, change: Change): Promise<void> {
  const { name, namespace, labels, annotations } = metadata;
  const [data, ...others] = spec.volumeClaimTemplates ?? [];
  const templates = data ? { volumeClaimTemplates: [change(data), ...others] } : {};
  const object = {
    apiVersion,
    kind,
    metadata: { name, namespace, ...(labels ? { labels } : {}), ...(annotations ? { annotations } : {}) },
    spec: { ...spec, ...templates },
  };
  await kube.raw(["create", `--field-manager=${MANAGER}`, "-f", "-"], { input: JSON.stringify(object) });
}

/** Returns the fields to their previous managers. The controller owns the status again as soon as it writes one. */
async function restoreManagers(kube: Kube, kept: StatefulSet): Promise<void> {
  const value = (kept.metadata.managedFields ?? []).filter(({ subresource }) => subresource === undefined);
  const patch = [{ op: "replace", path: "/metadata/managedFields", value }];
  await kube.raw([...inApp(kube), "patch", "statefulset", NAME, "--type=json", "-p", JSON.stringify(patch)]);
}

/**
 * Finishes an earlier run's work; returns whether there was any.
 * @param change for a set that must still be created; by default it is created as it was
 * @param own the set that this run has deleted, in case another run has removed the ConfigMap in the meantime
 */
export async function finishRecreation(
  kube: Kube,
  change: Change = (template) => template,
  own?: StatefulSet,
): Promise<boolean> {
  const kept = (await keptSet(kube)) ?? own;
  if (!kept) return false;
  const live = await liveSet(kube);
  const isDeleted = !live || live.metadata.deletionTimestamp !== undefined;
  if (isDeleted) {
    if (live) await deleteSet(kube);
    await create(kube, kept, change);
  }
  if (isDeleted || live.metadata.managedFields?.some(({ manager }) => manager === MANAGER))
    await restoreManagers(kube, kept);
  await release(kube);
  return true;
}

/** Recreates main's StatefulSet if `change` affects its template. No pod restarts. */
export async function recreateMainSet(kube: Kube, change: Change): Promise<void> {
  await finishRecreation(kube, change);
  const live = await liveSet(kube);
  const template = live?.spec.volumeClaimTemplates?.[0];
  if (!live || !template || JSON.stringify(change(template)) === JSON.stringify(template)) return;
  await keep(kube, live);
  await deleteSet(kube);
  await finishRecreation(kube, change, live);
}
