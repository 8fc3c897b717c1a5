/** Renders the Kubernetes objects of synthesized layers, without a cluster. */

type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
type Tree = { [key: string]: Json };

/** A layer's cdk.tf.json. */
export interface Stack {
  readonly resource?: Readonly<Record<string, Readonly<Record<string, Tree>>>>;
  readonly data?: Readonly<Record<string, Readonly<Record<string, Tree>>>>;
  readonly output?: Readonly<Record<string, { readonly value: Json }>>;
}

/** A Helm release of a layer. */
export interface HelmRelease {
  readonly name: string;
  readonly namespace: string;
  /** Name, path or archive. */
  readonly chart: string;
  readonly repository?: string;
  readonly version?: string;
  readonly values: string;
}

export interface LayerManifests {
  readonly objects: readonly Tree[];
  readonly releases: readonly HelmRelease[];
  /** Kind and name of objects that only a deployment can create, because their content comes from the cluster. */
  readonly left: readonly string[];
}

export const KINDS: Readonly<Record<string, readonly [apiVersion: string, kind: string]>> = {
  kubernetes_namespace_v1: ["v1", "Namespace"],
  kubernetes_resource_quota_v1: ["v1", "ResourceQuota"],
  kubernetes_limit_range_v1: ["v1", "LimitRange"],
  kubernetes_config_map_v1: ["v1", "ConfigMap"],
  kubernetes_secret_v1: ["v1", "Secret"],
  kubernetes_persistent_volume_claim_v1: ["v1", "PersistentVolumeClaim"],
  kubernetes_service_v1: ["v1", "Service"],
  kubernetes_service_account_v1: ["v1", "ServiceAccount"],
  kubernetes_role_v1: ["rbac.authorization.k8s.io/v1", "Role"],
  kubernetes_role_binding_v1: ["rbac.authorization.k8s.io/v1", "RoleBinding"],
  kubernetes_network_policy_v1: ["networking.k8s.io/v1", "NetworkPolicy"],
  kubernetes_pod_disruption_budget_v1: ["policy/v1", "PodDisruptionBudget"],
  kubernetes_horizontal_pod_autoscaler_v2: ["autoscaling/v2", "HorizontalPodAutoscaler"],
  kubernetes_ingress_v1: ["networking.k8s.io/v1", "Ingress"],
};

/** Placeholder for the address of a Service that does not exist yet; the Service's name follows. */
export const CLUSTER_IP_OF = "CLUSTER-IP-OF-";

/** Resource types that create no Kubernetes object. */
const NO_OBJECT = /^(docker_|terraform_data|random_)/;
/** Terraform arguments that are not part of the object. */
const DROPPED = new Set([
  "//",
  "timeouts",
  "lifecycle",
  "depends_on",
  "wait_for_load_balancer",
  "wait_until_bound",
  "data_wo_revision",
  "count",
]);
/** Blocks whose names are singular in Terraform but plural in Kubernetes. */
const PLURALS: Readonly<Record<string, string>> = {
  port: "ports",
  limit: "limits",
  rule: "rules",
  subject: "subjects",
  metric: "metrics",
  policy: "policies",
  path: "paths",
};
/** Maps with arbitrary keys, which are not converted. */
const VERBATIM = new Set(["labels", "annotations", "match_labels", "data"]);
/** Blocks that Terraform stores as a list of one. */
const SINGLE = new Set(["scale_up", "scale_down"]);
const NUMERIC = new Set(["port", "target_port", "node_port", "max_unavailable", "min_available"]);

/**
 * Kubernetes' spelling of a name: `target_port` becomes targetPort, `cluster_ip` clusterIP, `external_ips` externalIPs.
 */
const camel = (name: string): string =>
  name
    .replace(/_ip(s?)$/, (_, plural: string) => `IP${plural}`)
    .replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
const isTree = (value: Json | undefined): value is Tree =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function converted(key: string, value: Json): Json {
  if (VERBATIM.has(key)) return value;
  if (SINGLE.has(key) && Array.isArray(value)) return converted("", value[0] ?? null);
  if (Array.isArray(value)) return value.map((item) => converted("", item));
  if (isTree(value)) return Object.fromEntries(Object.entries(value).flatMap(([k, v]) => entry(k, v)));
  if (NUMERIC.has(key) && typeof value === "string" && /^\d+$/.test(value)) return Number(value);
  return value;
}

function entry(key: string, value: Json): [string, Json][] {
  if (DROPPED.has(key) || value === null) return [];
  const name = Array.isArray(value) ? (PLURALS[key] ?? key) : key;
  return [[camel(name), converted(key, value)]];
}

/** A resource of a layer as a Kubernetes object. */
export function kubernetesObject(type: string, body: Tree): Tree {
  if (type === "kubernetes_manifest") return body["manifest"] as Tree;
  const entryOfType = KINDS[type];
  if (!entryOfType) throw new Error(`resources of type ${type} cannot be rendered as Kubernetes objects`);
  const [apiVersion, kind] = entryOfType;
  const { data_wo: secret, ...rest } = body;
  const object = converted("", rest) as Tree;
  // a Service's selector is a plain map of labels, which the conversion must not change
  const selector = isTree(body["spec"]) ? body["spec"]["selector"] : undefined;
  if (kind === "Service" && isTree(object["spec"]) && selector) object["spec"]["selector"] = selector;
  return {
    apiVersion,
    kind,
    ...object,
    // passwords are generated during a deployment and written nowhere else
    ...(isTree(secret)
      ? { stringData: Object.fromEntries(Object.keys(secret).map((k) => [k, "GENERATED BY A DEPLOYMENT"])) }
      : {}),
  };
}

/**
 * Replaces Terraform expressions with their values: names of objects, outputs of other layers.
 *
 * @param given outputs that are only known after a deployment, such as image digests: layer, then name
 * @throws Error that names an unresolved expression
 */
export function resolve(
  value: Json,
  stack: Stack,
  stacks: Readonly<Record<string, Stack>>,
  given: Readonly<Record<string, Readonly<Record<string, string>>>>,
): Json {
  const inside = (v: Json): Json => resolve(v, stack, stacks, given);
  if (Array.isArray(value)) return value.map(inside);
  if (isTree(value)) return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, inside(v)]));
  if (typeof value !== "string") return value;
  const valueOf = (expression: string): Json | undefined => {
    const name = /^(\w+)\.([\w-]+)\.metadata(?:\[0\])?\.(name|namespace)$/.exec(expression);
    if (name) {
      const metadata = stack.resource?.[name[1]!]?.[name[2]!]?.["metadata"];
      return isTree(metadata) ? inside(metadata[name[3]!] ?? "default") : undefined;
    }
    // the cluster assigns it when it creates the Service
    const address = /^kubernetes_service_v1\.([\w-]+)\.spec\[0\]\.cluster_ip$/.exec(expression);
    if (address) {
      const metadata = stack.resource?.["kubernetes_service_v1"]?.[address[1]!]?.["metadata"];
      return isTree(metadata) ? `${CLUSTER_IP_OF}${String(inside(metadata["name"] ?? ""))}` : undefined;
    }
    const output = /^data\.terraform_remote_state\.(\w+)-state\.outputs\.(\w+)$/.exec(expression);
    if (!output) return undefined;
    const [, layer, key] = output;
    const other = stacks[layer!];
    const givenValue = given[layer!]?.[key!];
    if (givenValue !== undefined) return givenValue;
    const written = other?.output?.[key!]?.value;
    return written === undefined ? undefined : resolve(written, other!, stacks, given);
  };
  const whole = /^\$\{([^{}]+)\}$/.exec(value);
  const text = whole
    ? valueOf(whole[1]!)
    : value.replaceAll(/(?<!\$)\$\{([^{}]+)\}/g, (all, expression: string) => String(valueOf(expression) ?? all));
  const rest = typeof text === "string" ? /(?<!\$)\$\{.*\}/.exec(text) : null;
  if (text === undefined || rest) throw new Error(`${rest?.[0] ?? value} is only known after a deployment`);
  // Terraform's escapes
  return typeof text === "string" ? text.replaceAll("$${", "${").replaceAll("%%{", "%{") : text;
}

/** The objects and Helm releases of a layer. */
export function layerManifests(
  layer: string,
  stacks: Readonly<Record<string, Stack>>,
  given: Readonly<Record<string, Readonly<Record<string, string>>>>,
): LayerManifests {
  const stack = stacks[layer]!;
  const objects: Tree[] = [];
  const releases: HelmRelease[] = [];
  const left: string[] = [];
  for (const [type, resources] of Object.entries(stack.resource ?? {})) {
    if (NO_OBJECT.test(type)) continue;
    for (const body of Object.values(resources)) {
      if (JSON.stringify(body).includes('"dynamic"')) {
        const metadata = resolve(body["metadata"] ?? {}, stack, stacks, given) as Tree;
        left.push(`${KINDS[type]?.[1] ?? type} ${String(metadata["name"])}`);
        continue;
      }
      // passwords cannot be resolved here
      const { data_wo: secret, ...rest } = body;
      const resolved = resolve(rest, stack, stacks, given) as Tree;
      if (type !== "helm_release") {
        objects.push(kubernetesObject(type, secret === undefined ? resolved : { ...resolved, data_wo: secret }));
        continue;
      }
      const { name, namespace, chart, repository, version, values } = resolved as unknown as HelmRelease & {
        values: string[];
      };
      releases.push({
        ...{ name, namespace, chart, values: values[0] ?? "" },
        ...(repository ? { repository } : {}),
        ...(version ? { version } : {}),
      });
    }
  }
  return { objects, releases, left };
}
