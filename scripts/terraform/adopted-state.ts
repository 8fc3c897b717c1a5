/**
 * Rebuilds the states of a system whose states are lost. An import writes only what is in the cluster. Some attributes,
 * such as timeouts, exist only in the configuration, so an import leaves them empty, and Terraform would plan a change
 * for each. They are added here if the object in the cluster is the one that the configuration describes. Where it
 * differs, the imported attributes stay, and the plan shows the change.
 */
import { randomUUID } from "node:crypto";
import type { KubeObject } from "../cluster/kube-object";
import type { Target } from "./cluster-object";

export type Attributes = Record<string, unknown>;
export interface StateResource {
  readonly mode: string;
  readonly type: string;
  readonly name: string;
  readonly provider: string;
  readonly instances: readonly {
    readonly schema_version: number;
    readonly attributes: Attributes;
    readonly private?: string;
  }[];
}
interface StateOutput {
  readonly value: unknown;
  readonly type: string;
}
/** A state as Terraform stores it, in version 4 of its format. */
export interface StateFile {
  readonly version: number;
  readonly terraform_version: string;
  readonly serial: number;
  readonly lineage: string;
  readonly outputs: Readonly<Record<string, StateOutput>>;
  readonly resources: readonly StateResource[];
}

export const addressOf = ({ type, name }: Pick<StateResource, "type" | "name">): string => `${type}.${name}`;

/** The type of a JSON value, in the form in which Terraform stores it with a dynamically typed value. */
export function typeOf(value: unknown): unknown {
  if (value === null || value === undefined) return "dynamic";
  if (Array.isArray(value)) return ["tuple", value.map(typeOf)];
  if (typeof value === "object")
    return ["object", Object.fromEntries(Object.entries(value).map(([key, v]) => [key, typeOf(v)]))];
  return typeof value === "boolean" ? "bool" : typeof value;
}

/**
 * The object's labels and annotations that this project set. The provider ignores all others, and during an import it
 * ignores ours too. Without ours in the state, its next update would replace all annotations of the object, including
 * those that other tools set.
 */
function ownMetadata(body: Attributes, live: KubeObject): Record<"labels" | "annotations", Record<string, string>> {
  const configured = (body["metadata"] ?? {}) as Partial<Record<"labels" | "annotations", object>>;
  const own = (kind: "labels" | "annotations") =>
    Object.fromEntries(Object.entries(live.metadata[kind] ?? {}).filter(([key]) => key in (configured[kind] ?? {})));
  return { labels: own("labels"), annotations: own("annotations") };
}

/** Arguments that tell the provider what to wait for; no object contains them. */
const isOnlyConfigured = (key: string): boolean => key === "timeouts" || key.startsWith("wait_");
const block = (value: unknown): unknown[] => (value === undefined ? [] : [value]);

/** An imported resource of the Kubernetes provider with its own attributes per kind. */
export function completeTyped(imported: Attributes, body: Attributes, live: KubeObject): Attributes {
  const [metadata] = imported["metadata"] as Attributes[];
  const { labels, annotations } = ownMetadata(body, live);
  return {
    ...imported,
    metadata: [{ ...metadata, labels, ...(Object.keys(annotations).length ? { annotations } : {}) }],
    ...Object.fromEntries(Object.entries(body).filter(([key]) => isOnlyConfigured(key) && key in imported)),
  };
}

/** An imported `kubernetes_manifest` whose object is the one that this manifest describes. */
export function completeManifest(imported: Attributes, body: Attributes): Attributes {
  const { manifest } = body;
  const manager = body["field_manager"] as Attributes | undefined;
  return {
    ...imported,
    manifest: { value: manifest, type: typeOf(manifest) },
    computed_fields: body["computed_fields"] ?? null,
    field_manager: block(manager && { force_conflicts: null, ...manager }),
    timeouts: block(body["timeouts"]),
  };
}

/** An imported Helm release that was installed with these arguments. */
export function completeRelease(imported: Attributes, body: Attributes): Attributes {
  const given = Object.entries(body).filter(([key]) => key in imported);
  return { ...imported, description: null, ...Object.fromEntries(given) };
}

/**
 * A Secret with generated passwords, but without their values, which an import would read into the state. Terraform
 * writes new passwords only if the revision changes.
 */
export function secretResource(
  target: Target,
  body: Attributes,
  live: KubeObject & { readonly type?: string; readonly immutable?: boolean },
  provider: string,
): StateResource {
  const { name, namespace, uid, resourceVersion } = live.metadata as KubeObject["metadata"] & Attributes;
  const metadata = {
    ...{ generate_name: "", generation: 0, ...ownMetadata(body, live) },
    ...{ name, namespace, resource_version: resourceVersion, uid },
  };
  const attributes = {
    ...{ binary_data: null, binary_data_wo: null, binary_data_wo_revision: null, data: null, data_wo: null },
    data_wo_revision: body["data_wo_revision"],
    id: `${namespace}/${name}`,
    immutable: live.immutable ?? false,
    metadata: [metadata],
    timeouts: null,
    type: live.type,
    wait_for_service_account_token: true,
  };
  const [type, id] = target.address.split(".") as [string, string];
  return { mode: "managed", type, name: id, provider, instances: [{ schema_version: 0, attributes }] };
}

/** Adds resources to an existing or a new state; resources that are already in the state stay unchanged. */
export function merged(
  text: string | undefined,
  added: { readonly resources: readonly StateResource[]; readonly outputs: StateFile["outputs"] },
  terraformVersion: string,
): StateFile {
  const state = text === undefined ? undefined : (JSON.parse(text) as StateFile);
  const known = new Set(state?.resources.map(addressOf));
  return {
    version: 4,
    terraform_version: terraformVersion,
    serial: (state?.serial ?? 0) + 1,
    lineage: state?.lineage ?? randomUUID(),
    outputs: { ...added.outputs, ...state?.outputs },
    resources: [...(state?.resources ?? []), ...added.resources.filter((r) => !known.has(addressOf(r)))],
  };
}
