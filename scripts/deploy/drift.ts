/**
 * Drift: manual changes inside workloads. Terraform's plan does not show them, because the whole spec is "computed" so
 * that the autoscaler's replica count is kept (docs/decisions/0001-replica-count.md). A dry run of the same server-side
 * apply shows what the API server would revert.
 */
import { objectsIn } from "../cluster/kube-object";
import type { Kube, KubeObject } from "../cluster/kubectl";
import type { Terraform } from "../terraform/terraform";

/** Terraform's field manager, set in `modules/kubernetes/workload.ts`. */
const FIELD_MANAGER = "terraform";

export interface Drift {
  readonly kind: string;
  readonly name: string;
  /** Paths that differ, such as `spec.template.spec.containers.0.image`. */
  readonly paths: readonly string[];
  /** The manifest that Terraform applied. */
  readonly manifest: object;
}

/** The shortest paths at which two JSON values differ. */
export function differences(before: unknown, after: unknown, at = ""): string[] {
  if (Object.is(before, after)) return [];
  const isTree = (v: unknown): v is Record<string, unknown> => typeof v === "object" && v !== null;
  if (!isTree(before) || !isTree(after)) return [at];
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return keys.flatMap((key) => differences(before[key], after[key], at ? `${at}.${key}` : key));
}

const keyOf = ({ kind, metadata }: KubeObject): string => `${kind}/${metadata.name}`;
const isWorkload = (m: { kind?: string }) => m.kind === "Deployment" || m.kind === "StatefulSet";

/**
 * The manifest with the claim templates of the live StatefulSet. Claim templates cannot be updated, and after the set
 * was recreated for larger volumes (recreate-set.ts), the state still contains the old ones until the next apply.
 */
function withClaimTemplates(manifest: KubeObject, { spec }: KubeObject): KubeObject {
  const templates = spec?.["volumeClaimTemplates"];
  return templates === undefined
    ? manifest
    : { ...manifest, spec: { ...manifest.spec, volumeClaimTemplates: templates } };
}

const changesTo = (live: KubeObject, wanted: KubeObject): string[] =>
  (["labels", "annotations"] as const)
    .flatMap((k) => differences(live.metadata[k], wanted.metadata[k], `metadata.${k}`))
    .concat(differences(live.spec, wanted.spec, "spec"));

/** What an object would lose or gain if a field manager applied this manifest; nothing is changed. */
export async function revertedBy(
  kube: Kube,
  manifest: KubeObject,
  live: KubeObject,
  fieldManager = FIELD_MANAGER,
): Promise<string[]> {
  const applicable = withClaimTemplates(manifest, live);
  const wanted = JSON.parse(await apply(kube, applicable, { fieldManager, flags: ["--dry-run=server"] })) as KubeObject;
  return changesTo(live, wanted);
}

/** Workloads of a layer that differ from what was applied. Terraform itself detects deleted workloads. */
export async function findDrift(kube: Kube, terraform: Terraform): Promise<Drift[]> {
  const states = (await terraform.stateOf("kubernetes_manifest")) as { manifest: KubeObject | null }[];
  // an object that was only just adopted has no manifest in the state yet
  const manifests = states.flatMap(({ manifest }) => (manifest && isWorkload(manifest) ? [manifest] : []));
  if (!manifests.length) return [];
  const { namespace } = manifests[0]!.metadata;
  // all of them at once, because each kubectl takes half a second to start
  const all = await kube.list(...manifests.map(keyOf), "-n", namespace!);
  const pairs = manifests.flatMap((manifest) => {
    const live = all.find((object) => keyOf(object) === keyOf(manifest));
    return live ? [{ live, manifest: withClaimTemplates(manifest, live) }] : [];
  });
  if (!pairs.length) return [];
  const list = { apiVersion: "v1", kind: "List", items: pairs.map(({ manifest }) => manifest) };
  const applied = objectsIn(await apply(kube, list, { flags: ["--dry-run=server"] }));
  return pairs.flatMap(({ live, manifest }) => {
    const wanted = applied.find((object) => keyOf(object) === keyOf(manifest));
    const paths = wanted ? changesTo(live, wanted) : [];
    return paths.length ? [{ kind: manifest.kind, name: manifest.metadata.name, paths, manifest }] : [];
  });
}

/** Applies the manifests again. They contain no replica count, so the current count is kept. */
export async function repairDrift(kube: Kube, drifts: readonly Drift[]): Promise<void> {
  for (const { manifest } of drifts) await apply(kube, manifest);
}

const apply = (
  kube: Kube,
  manifest: object,
  { fieldManager = FIELD_MANAGER, flags = [] }: { fieldManager?: string; flags?: readonly string[] } = {},
): Promise<string> =>
  kube.raw(
    [
      "apply",
      "--server-side",
      `--field-manager=${fieldManager}`,
      "--force-conflicts",
      ...flags,
      "-o",
      "json",
      "-f",
      "-",
    ],
    {
      input: JSON.stringify(manifest, (_, value: unknown) => (value === null ? undefined : value)),
    },
  );
