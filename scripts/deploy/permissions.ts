/** What a deploy needs to be allowed to do, by what was synthesized, and what the cluster says to it. */
import { METRICS_SERVER } from "../../modules/autoscaling/metrics-server";
import { KINDS, resolve, type Stack } from "../terraform/render-manifests";
import type { Kube } from "../cluster/kubectl";
import { RunError } from "../terminal/run-program";
import { Failure } from "../terminal/ui";

const VERBS = ["create", "get", "patch", "delete"] as const;

/** A kind of object in a place; without a namespace the cluster's. */
export interface Permission {
  readonly group: string;
  readonly resource: string;
  readonly namespace?: string;
  readonly layer: string;
  /** @default all that a deploy does with its own objects */
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

/** What charts of others make beside what their namespace holds: all of it concerns the whole cluster. */
const OF_CHARTS: Readonly<Record<string, readonly string[]>> = {
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

/** Group and resource of the object that a release of our own chart holds. */
function owned(values: string | undefined): [string, string] | undefined {
  if (values === undefined) return undefined;
  const { object } = JSON.parse(values) as { object: { apiVersion: string; kind: string } };
  return [object.apiVersion.includes("/") ? object.apiVersion.split("/")[0]! : "", plural(object.kind)];
}

const nameOf = (chart: string): string | undefined =>
  Object.keys(OF_CHARTS).find((name) => chart === name || chart.split("/").at(-1)!.startsWith(`${name}-`));

/** Everything that a deploy of these stacks makes on the cluster. */
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
    for (const [type, resources] of Object.entries(stack.resource ?? {})) {
      for (const body of Object.values(resources) as Body[]) {
        if (type === "helm_release") {
          // Helm keeps each release in a Secret
          add("", "secrets", body.namespace ?? "default");
          const own = body.chart?.endsWith("charts/object") ? owned(body.values?.[0]) : undefined;
          if (own) add(...own, body.namespace ?? "default");
          for (const wide of OF_CHARTS[nameOf(body.chart ?? "") ?? ""] ?? [])
            add(...(wide.split("/") as [string, string]));
          continue;
        }
        // the provider looks every kind up there, built-in ones too
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

/** What makes a kind unnecessary. */
function insteadOf({ resource, layer, namespace, verbs }: Permission): string {
  if (verbs) return "workloads: helm";
  if (resource === "namespaces") return "namespaces.create: false, in namespaces that exist";
  if (resource === "networkpolicies") return "networkPolicies: false";
  if (resource === "roles" || resource === "rolebindings") return "node.discovery: dns";
  if (resource === "resourcequotas" || resource === "limitranges") return "namespaces.quota: false";
  if (layer === "observability") return "observability: none, or existing where the cluster has a Prometheus operator";
  const wide = namespace === undefined || namespace === METRICS_SERVER.namespace;
  if (wide) return layer === "data" ? "scaling.engine: hpa, or keda.mode: existing" : "metricsServer.mode: existing";
  return "";
}

interface Review {
  readonly status?: { readonly allowed?: boolean };
}

/** Rights that the cluster denies, each with the verbs that are missing. One question for all of them. */
export async function deniedPermissions(
  kube: Kube,
  rights: readonly Permission[],
): Promise<{ right: Permission; verbs: string[] }[]> {
  const asked = rights.flatMap((right) => (right.verbs ?? VERBS).map((verb) => ({ right, verb })));
  const items = asked.map(({ right: { group, resource, namespace }, verb }) => ({
    apiVersion: "authorization.k8s.io/v1",
    kind: "SelfSubjectAccessReview",
    spec: { resourceAttributes: { group, resource, verb, ...(namespace === undefined ? {} : { namespace }) } },
  }));
  const said = await kube.raw(["create", "-f", "-", "-o", "json"], {
    input: JSON.stringify({ apiVersion: "v1", kind: "List", items }),
    timeoutMs: 60_000,
  });
  // one object after the other, not a list
  const reviews = said
    .split(/^\}$/m)
    .filter((text) => text.trim())
    .map((text) => JSON.parse(`${text}}`) as Review);
  const denied = new Map<Permission, string[]>();
  asked.forEach(({ right, verb }, i) => {
    if (reviews[i]?.status?.allowed === false) denied.set(right, [...(denied.get(right) ?? []), verb]);
  });
  return [...denied].map(([right, verbs]) => ({ right, verbs }));
}

/** @throws Failure that names what is denied, where, and the settings that do without */
export async function checkPermissions(kube: Kube, rights: readonly Permission[]): Promise<string> {
  let denied: Awaited<ReturnType<typeof deniedPermissions>>;
  try {
    denied = await deniedPermissions(kube, rights);
  } catch (error) {
    // a cluster that does not say: its refusals come one by one then
    if (error instanceof RunError) return `not known: ${error.message}`;
    throw error;
  }
  if (!denied.length) return `${rights.length} kinds of objects may be made, changed and removed`;
  const line = ({ right, verbs }: (typeof denied)[number]) => {
    const what = `${right.resource}${right.group ? `.${right.group}` : ""}`;
    const all = verbs.length === VERBS.length;
    return `  ${all ? "" : `${verbs.join(", ")} `}${what} ${right.namespace ? `in namespace ${right.namespace}` : "of the cluster"} (layer ${right.layer})`;
  };
  const settings = [...new Set(denied.map(({ right }) => insteadOf(right)).filter(Boolean))];
  const rest = denied.filter(({ right }) => !insteadOf(right)).map(({ right }) => right.resource);
  throw new Failure(
    `The cluster does not allow this user:\n${denied.map(line).join("\n")}`,
    [
      ...(settings.length ? [`Without them: ${settings.join("; ")}.`] : []),
      ...(rest.length ? [`No setting does without ${[...new Set(rest)].join(", ")}: ask who runs the cluster.`] : []),
    ].join(" "),
  );
}
