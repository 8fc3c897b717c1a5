/** Checks in `doctor` of what a cluster's administrators control: quotas and the address of DNS. */
import type { Config } from "../../config";
import { minimum, quota as needed } from "../../modules/policies/namespace-quota";
import { parseQuantity } from "../../modules/kubernetes/quantity";
import { configuredResources } from "../../modules/kubernetes/sizing";
import { isOurs } from "../cluster/kube-object";
import type { Kube, KubeObject } from "../cluster/kubectl";
import { Failure } from "../terminal/ui";

/** Requests and limits that our pods do not set; a quota on one of them rejects every pod. */
const OPEN = ["limits.cpu", "requests.ephemeral-storage", "limits.ephemeral-storage"] as const;

/** Keys that set a container's CPU limit. */
const cpuLimitKeys = (config: Config): string[] =>
  Object.entries(configuredResources(config))
    .filter(([, { cpuLimit }]) => cpuLimit === undefined)
    .map(([section]) => `${section}.cpuLimit`);

/** Kubernetes' short names of requests in a quota. */
const ALIASES: Readonly<Record<string, string>> = {
  cpu: "requests.cpu",
  memory: "requests.memory",
  "ephemeral-storage": "requests.ephemeral-storage",
};

/** A quota's limits under their full names; the lower one if it has both names of a resource. */
function hardOf(quota: KubeObject): Readonly<Record<string, string>> {
  const hard: Record<string, string> = {};
  for (const [key, limit] of Object.entries((quota.spec?.["hard"] ?? {}) as Record<string, string>)) {
    const name = ALIASES[key] ?? key;
    const other = hard[name];
    if (other === undefined || parseQuantity(limit) < parseQuantity(other)) hard[name] = limit;
  }
  return hard;
}

/** The keys of a quota that are below what `needs` lists, with both values. */
const below = (hard: Readonly<Record<string, string>>, needs: Readonly<Record<string, string>>) =>
  Object.entries(hard)
    .filter(([key, limit]) => needs[key] !== undefined && parseQuantity(limit) < parseQuantity(needs[key]))
    .map(([key, limit]) => ({ key, text: `${key} ${limit} of ${needs[key]}` }));

/** What to set if a quota has no room for these keys. */
function smaller(keys: readonly string[]): string {
  const settings = [
    ...(keys.some((key) => /^(count\/)?pods$/.test(key)) ? ["lower scaling.….min"] : []),
    ...(keys.some((key) => /^(requests|limits)\.(cpu|memory)$/.test(key)) ? ["lower the workloads' resources"] : []),
    ...(keys.includes("requests.storage") ? ["lower redis.storage"] : []),
    ...(keys.some((key) => /^services\.(loadbalancers|nodeports)$/.test(key)) ? ["set another exposure.type"] : []),
  ];
  return `Request a larger quota${settings.map((setting) => `, or ${setting}`).join("")}.`;
}

/** Whether a quota counts pods like ours, which have requests and no deadline, and may have any priority. */
const countsOurs = ({ spec }: KubeObject): boolean =>
  spec?.["scopeSelector"] === undefined &&
  !((spec?.["scopes"] ?? []) as string[]).some((scope) => ["Terminating", "BestEffort"].includes(scope));

/** Whether a LimitRange sets a container's request or limit, so that pods need not set it. */
function isDefaulted(ranges: readonly KubeObject[], key: string): boolean {
  const [kind, resource] = key.split(/\.(.*)/) as [string, string];
  type Item = { type: string; default?: Record<string, string>; defaultRequest?: Record<string, string> };
  const items = ranges.flatMap((range) => (range.spec?.["limits"] ?? []) as Item[]);
  return items.some(
    (item) =>
      item.type === "Container" &&
      // a limit without a request is also used as the request
      (item.default?.[resource] ?? (kind === "requests" ? item.defaultRequest?.[resource] : undefined)) !== undefined,
  );
}

/** Checks that no quota rejects our pods, volumes or other objects. @throws Failure that names the keys to set */
export async function checkQuota(config: Config, kube: Kube): Promise<string> {
  const { app, monitoring } = config.namespaces;
  const notes: string[] = [];
  for (const namespace of config.observability === "install" ? [app, monitoring] : [app]) {
    const quotas = (await kube.visible("resourcequota", "-n", namespace)).filter((q) => !isOurs(q) && countsOurs(q));
    if (!quotas.length) continue;
    const ranges = await kube.visible("limitrange", "-n", namespace);
    for (const quota of quotas) {
      const hard = hardOf(quota);
      const { name } = quota.metadata;
      const missing = OPEN.filter((key) => hard[key] !== undefined && !isDefaulted(ranges, key));
      const keys = namespace === app && missing.join() === "limits.cpu" ? cpuLimitKeys(config) : [];
      // each of our containers has a CPU limit
      if (missing.join() === "limits.cpu" && namespace === app && !keys.length) missing.pop();
      if (missing.length) {
        throw new Failure(
          `The quota ${name} in namespace ${namespace} rejects pods that do not set ${missing.join(" and ")}, and ours do not.`,
          keys.length
            ? `Set ${keys.join(", ")}. Or request a LimitRange with a default for cpu.`
            : `Request a LimitRange with defaults${namespace === monitoring ? ", or set observability: none" : ""}.`,
        );
      }
      if (namespace !== app) continue;
      const short = below(hard, minimum(config));
      if (short.length) {
        throw new Failure(
          `The quota ${name} in namespace ${namespace} has no room for the smallest deployment: ${short.map(({ text }) => text).join(", ")}.`,
          smaller(short.map(({ key }) => key)),
        );
      }
      const early = below(hard, needed(config));
      if (early.length) notes.push(`${name} stops scaling early: ${early.map(({ text }) => text).join(", ")}`);
    }
  }
  if (kube.forbidden.size && !notes.length && [...kube.forbidden].some((kind) => kind.startsWith("resourcequota")))
    return "unknown: this user may not list quotas";
  return notes.length ? notes.join("; ") : "none that rejects our pods";
}

interface Slice extends KubeObject {
  readonly ports?: readonly { readonly name?: string; readonly port?: number; readonly protocol?: string }[];
}

/**
 * Checks that our NetworkPolicies allow the ports and addresses of the cluster's DNS.
 * @throws Failure that names the keys to set
 */
export async function checkDns(config: Config, kube: Kube): Promise<string> {
  if (!config.networkPolicies) return "not checked: there are no NetworkPolicies";
  const { namespace, ports, addresses } = config.dns;
  const services = (await kube.visible("service", "-n", namespace)).filter(({ spec }) =>
    ((spec?.["ports"] ?? []) as { port: number; protocol?: string }[]).some(
      (p) => p.port === 53 && p.protocol === "UDP",
    ),
  );
  if (kube.forbidden.has(`service in ${namespace}`)) return `unknown: this user may not list Services in ${namespace}`;
  if (!services.length) {
    throw new Failure(
      `Namespace ${namespace} has no DNS Service, so our NetworkPolicies would block all DNS lookups.`,
      "Set dns.namespace to its namespace (OpenShift: openshift-dns).",
    );
  }
  const names = services.map(({ metadata }) => metadata.name);
  const slices = (await kube.visible("endpointslice", "-n", namespace)).filter((slice) =>
    names.includes(slice.metadata.labels?.["kubernetes.io/service-name"] ?? ""),
  ) as Slice[];
  // by name, because the slice also contains the metrics port
  const used = slices
    .flatMap((slice) => slice.ports ?? [])
    .filter((p) => p.protocol === "UDP" || /dns/.test(p.name ?? ""));
  const other = [...new Set(used.map((p) => p.port))].filter((p): p is number => p !== undefined && !ports.includes(p));
  if (other.length) {
    throw new Failure(
      `DNS pods in ${namespace} listen on port ${other.join(", ")}, which our NetworkPolicies do not allow.`,
      `Set dns.ports to ${JSON.stringify([...ports, ...other])}.`,
    );
  }
  const caches = (await kube.visible("daemonset", "-n", namespace)).filter(({ metadata, spec }) => {
    const pod = spec?.template?.spec as { hostNetwork?: boolean } | undefined;
    return /local-?dns|dns-?cache/.test(metadata.name) && pod?.hostNetwork === true;
  });
  if (caches.length) {
    // with kube-proxy's iptables mode, the cache also answers at the Service's own address
    const own = services
      .map(({ spec }) => spec?.["clusterIP"])
      .filter((ip): ip is string => typeof ip === "string" && ip !== "None");
    const missing = own.filter((ip) => !addresses.includes(ip));
    if (missing.length) {
      throw new Failure(
        `${caches[0]!.metadata.name} answers DNS on the nodes, outside the pod network, so our NetworkPolicies may block it.`,
        `Set dns.addresses to ${JSON.stringify([...addresses, ...missing])}.`,
      );
    }
  }
  return `${names.join(", ")} in ${namespace}`;
}
