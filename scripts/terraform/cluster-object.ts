/**
 * A Terraform resource as an object in the cluster: its name in the cluster, its kind for kubectl, and its id for an
 * import.
 */

export interface Target {
  readonly address: string;
  readonly type: string;
  readonly name: string;
  readonly namespace?: string;
  /** Set for a `kubernetes_manifest`. */
  readonly apiVersion?: string;
  readonly kind?: string;
}

type Metadata = { name?: string; namespace?: string };

/**
 * How to find a resource in the cluster; undefined if it is not a cluster object, or has no name yet.
 *
 * @param values the resource's attributes, as Terraform plans them
 */
export function targetOf(address: string, type: string, values: Readonly<Record<string, unknown>>): Target | undefined {
  const target = ({ name, namespace }: Metadata, more: Partial<Target> = {}): Target | undefined =>
    name ? { address, type, name, ...(namespace ? { namespace } : {}), ...more } : undefined;
  if (type === "helm_release") return target(values as Metadata);
  if (!type.startsWith("kubernetes_")) return undefined;
  if (type === "kubernetes_manifest") {
    const manifest = (values["manifest"] ?? {}) as { apiVersion?: string; kind?: string; metadata?: Metadata };
    if (!manifest.apiVersion || !manifest.kind) return undefined;
    return target(manifest.metadata ?? {}, { apiVersion: manifest.apiVersion, kind: manifest.kind });
  }
  return target((values["metadata"] as Metadata[] | undefined)?.[0] ?? {});
}

/** The kind for kubectl: `kubernetes_config_map_v1` is a configmap. */
export const kindOf = ({ type, kind, apiVersion }: Target): string => {
  const group = apiVersion?.includes("/") ? apiVersion.split("/")[0] : undefined;
  if (kind) return [kind.toLowerCase(), group].filter(Boolean).join(".");
  return type
    .replace(/^kubernetes_/, "")
    .replace(/_v\d+$/, "")
    .replaceAll("_", "");
};

/** The id for `terraform import`. */
export const idOf = ({ type, kind, apiVersion, name, namespace }: Target): string =>
  type === "kubernetes_manifest"
    ? [
        `apiVersion=${apiVersion}`,
        `kind=${kind}`,
        ...(namespace ? [`namespace=${namespace}`] : []),
        `name=${name}`,
      ].join(",")
    : [namespace, name].filter(Boolean).join("/");
