/** Permissions that a deployment needs, derived from the synthesized layers, and whether the cluster grants them. */
import { METRICS_SERVER } from "../../modules/autoscaling/metrics-server";
import { KINDS, resolve, type Stack } from "../terraform/render-manifests";
import { objectsIn } from "../cluster/kube-object";
import type { Kube } from "../cluster/kubectl";
import { RunError } from "../terminal/run-program";
import { Failure } from "../terminal/ui";

const VERBS = ["create", "get", "patch", "delete"] as const;

/** Permission for a kind of object in a namespace, or in the whole cluster. */
export interface Permission {
  readonly group: string;
  readonly resource: string;
  readonly namespace?: string;
  readonly layer: string;
  /** @default every verb that a deployment uses on its own objects */
  readonly verbs?: readonly string[];
}

interface Body {
  readonly metadata?: { readonly name?: string; readonly namespace?: string };
  readonly manifest?: { readonly apiVersion: string; readonly kind: string; readonly metadata: { namespace?: string } };
  readonly namespace?: string;
  readonly chart?: string;
  readonly values?: readonly string[];
}

/** `NetworkPolicy` is networkpolicies. */
const plural = (kind: string): string =>
  kind.toLowerCase().replace(/(ss|y)?$/, (end) => (end === "y" ? "ies" : end === "ss" ? "sses" : "s"));

/** Cluster-wide objects that third-party charts create. */
const CLUSTER_WIDE: Readonly<Record<string, readonly string[]>> = {
  "kube-prometheus-stack": [
    "apiextensions.k8s.io/customresourcedefinitions",
    "rbac.authorization.k8s.io/clusterroles",
    "rbac.authorization.k8s.io/clusterrolebindings",
  ],
  "metrics-server": [
    "apiregistration.k8s.io/apiservices",
    "rbac.authorization.k8s.io/clusterroles",
    "rbac.authorization.k8s.io/clusterrolebindings",
  ],
  keda: [
    "apiextensions.k8s.io/customresourcedefinitions",
    "apiregistration.k8s.io/apiservices",
    "rbac.authorization.k8s.io/clusterroles",
    "rbac.authorization.k8s.io/clusterrolebindings",
  ],
};

/** Group and resource of the object in a release of our own chart. */
function owned(values: string | undefined): [string, string] | undefined {
  if (values === undefined) return undefined;
  const { object } = JSON.parse(values) as { object: { apiVersion: string; kind: string } };
  return [object.apiVersion.includes("/") ? object.apiVersion.split("/")[0]! : "", plural(object.kind)];
}

const nameOf = (chart: string): string | undefined =>
  Object.keys(CLUSTER_WIDE).find((name) => chart === name || chart.split("/").at(-1)!.startsWith(`${name}-`));

/** An object of another owner that a layer reads. */
interface Read {
  readonly api_version: string;
  readonly kind: string;
  readonly metadata: { readonly namespace: string };
}

/** Permissions for every object that a deployment of these stacks creates or reads. */
export function permissionsFor(stacks: Readonly<Record<string, Stack>>): Permission[] {
  const found = new Map<string, Permission>();
  for (const [layer, stack] of Object.entries(stacks)) {
    const add = (group: string, resource: string, namespace?: string, verbs?: readonly string[]) => {
      const place = namespace === undefined ? undefined : String(resolve(namespace, stack, stacks, {}));
      const key = `${group}/${resource} ${place} ${verbs?.join()}`;
      if (found.has(key)) return;
      const where = place === undefined ? {} : { namespace: place };
      found.set(key, { group, resource, layer, ...where, ...(verbs ? { verbs } : {}) });
    };
    for (const body of Object.values(stack.data?.["kubernetes_resource"] ?? {}) as unknown as Read[])
      add(body.api_version.split("/")[0]!, plural(body.kind), body.metadata.namespace, ["get"]);
    for (const [type, resources] of Object.entries(stack.resource ?? {})) {
      for (const body of Object.values(resources) as Body[]) {
        if (type === "helm_release") {
          // Helm keeps each release in a Secret
          add("", "secrets", body.namespace ?? "default");
          const own = body.chart?.endsWith("charts/object") ? owned(body.values?.[0]) : undefined;
          if (own) add(...own, body.namespace ?? "default");
          for (const wide of CLUSTER_WIDE[nameOf(body.chart ?? "") ?? ""] ?? [])
            add(...(wide.split("/") as [string, string]));
          continue;
        }
        // the provider looks up every kind among the CRDs, even built-in kinds
        if (body.manifest) add("apiextensions.k8s.io", "customresourcedefinitions", undefined, ["list"]);
        const [apiVersion, kind] = body.manifest
          ? [body.manifest.apiVersion, body.manifest.kind]
          : (KINDS[type] ?? [undefined, undefined]);
        if (apiVersion === undefined || kind === undefined) continue;
        const group = apiVersion.includes("/") ? apiVersion.split("/")[0]! : "";
        const namespace = (body.manifest?.metadata ?? body.metadata)?.namespace;
        add(group, plural(kind), kind === "Namespace" ? undefined : (namespace ?? "default"));
      }
    }
  }
  return [...found.values()];
}

/** The setting that makes a permission unnecessary. */
function insteadOf({ resource, layer, namespace, verbs }: Permission): string {
  if (resource === "endpointslices")
    return "cluster.apiServer.blocks to the API server's addresses, or networkPolicies: false";
  if (verbs) return "workloads: helm";
  if (resource === "namespaces") return "namespaces.create: false, in namespaces that exist";
  if (resource === "networkpolicies") return "networkPolicies: false";
  if (resource === "roles" || resource === "rolebindings") return "node.discovery: dns, and scaling.fast: false";
  if (resource === "resourcequotas" || resource === "limitranges") return "namespaces.quota: false";
  if (layer === "observability") return "observability: none, or existing if the cluster has a Prometheus operator";
  const wide = namespace === undefined || namespace === METRICS_SERVER.namespace;
  if (wide) return layer === "data" ? "scaling.engine: hpa, or keda.mode: existing" : "metricsServer.mode: existing";
  return "";
}

interface Review {
  readonly status?: { readonly allowed?: boolean };
}

/** Permissions that the cluster denies, each with the denied verbs. All are checked in one request. */
export async function deniedPermissions(
  kube: Kube,
  permissions: readonly Permission[],
): Promise<{ permission: Permission; verbs: string[] }[]> {
  const checks = permissions.flatMap((permission) => (permission.verbs ?? VERBS).map((verb) => ({ permission, verb })));
  const items = checks.map(({ permission: { group, resource, namespace }, verb }) => ({
    apiVersion: "authorization.k8s.io/v1",
    kind: "SelfSubjectAccessReview",
    spec: { resourceAttributes: { group, resource, verb, ...(namespace === undefined ? {} : { namespace }) } },
  }));
  const output = await kube.raw(["create", "-f", "-", "-o", "json"], {
    input: JSON.stringify({ apiVersion: "v1", kind: "List", items }),
    timeoutMs: 60_000,
  });
  const reviews: readonly Review[] = objectsIn(output);
  const denied = new Map<Permission, string[]>();
  checks.forEach(({ permission, verb }, i) => {
    if (reviews[i]?.status?.allowed === false) denied.set(permission, [...(denied.get(permission) ?? []), verb]);
  });
  return [...denied].map(([permission, verbs]) => ({ permission, verbs }));
}

/** @throws Failure that names the denied permissions, and settings that make them unnecessary */
export async function checkPermissions(kube: Kube, permissions: readonly Permission[]): Promise<string> {
  let denied: Awaited<ReturnType<typeof deniedPermissions>>;
  try {
    denied = await deniedPermissions(kube, permissions);
  } catch (error) {
    // the cluster does not support the check; the deployment reports each denied request instead
    if (error instanceof RunError) return `unknown: ${error.message}`;
    throw error;
  }
  if (!denied.length) return `this user may create, change and delete all ${permissions.length} kinds of objects`;
  const line = ({ permission, verbs }: (typeof denied)[number]) => {
    const what = `${permission.resource}${permission.group ? `.${permission.group}` : ""}`;
    const all = verbs.length === VERBS.length;
    const where = permission.namespace ? `in namespace ${permission.namespace}` : "cluster-wide";
    return `  ${all ? "" : `${verbs.join(", ")} `}${what} ${where} (layer ${permission.layer})`;
  };
  const settings = [...new Set(denied.map(({ permission }) => insteadOf(permission)).filter(Boolean))];
  const rest = denied.filter(({ permission }) => !insteadOf(permission)).map(({ permission }) => permission.resource);
  throw new Failure(
    `This user lacks permissions on the cluster:\n${denied.map(line).join("\n")}`,
    [
      ...(settings.length ? [`To deploy without them, set: ${settings.join("; ")}.`] : []),
      ...(rest.length
        ? [`No setting replaces access to ${[...new Set(rest)].join(", ")}: ask the cluster's administrator.`]
        : []),
    ].join(" "),
  );
}
