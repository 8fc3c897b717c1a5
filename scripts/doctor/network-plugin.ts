/** Checks whether the network plugin applies our NetworkPolicies differently. */
import type { Config } from "../../config";
import type { Kube, KubeObject } from "../cluster/kubectl";
import { Failure } from "../terminal/ui";

interface Slice extends KubeObject {
  readonly endpoints?: readonly { readonly addresses: readonly string[] }[];
}

/**
 * The policies that let the API watch the replicas, and the fast scaler use the Kubernetes API, allow IP addresses, but
 * in Cilium such policies do not match nodes.
 * @throws Failure that names the keys to set
 */
export async function checkNetworkPlugin(config: Config, kube: Kube): Promise<string> {
  if (!config.networkPolicies) return "not checked: there are no NetworkPolicies";
  if (!(await kube.serves("cilium.io/v2"))) return "not Cilium";
  const watches = config.node.discovery === "watch";
  const { fast } = config.scaling;
  if (!watches && !fast) return "Cilium; the API finds the replicas through DNS";
  const [settings] = await kube.visible("configmap", "cilium-config", "-n", "kube-system");
  if (/\bnodes\b/.test(settings?.data?.["policy-cidr-match-mode"] ?? ""))
    return "Cilium, whose policies by address match nodes";
  const slices = await kube.visible("endpointslice", "-n", "default", "-l", "kubernetes.io/service-name=kubernetes");
  const servers = (slices as Slice[]).flatMap(({ endpoints = [] }) => endpoints.flatMap(({ addresses }) => addresses));
  const ofNodes = (await kube.visible("nodes")).flatMap(
    ({ status }) => (status?.["addresses"] ?? []) as { readonly address: string }[],
  );
  const unknown = ["nodes", "endpointslice in default"].filter((kind) => kube.forbidden.has(kind));
  if (unknown.length) return `unknown: Cilium, and this user may not list ${unknown.join(" and ")}`;
  if (!ofNodes.some(({ address }) => servers.includes(address))) return "Cilium; the Kubernetes API is not on a node";
  const effects = [
    ...(watches ? ["the API cannot watch the replicas and finds them through DNS, a few seconds later"] : []),
    ...(fast ? ["the fast scaler cannot scale, and no pods are removed"] : []),
  ];
  const keys = [...(watches ? ["node.discovery: dns"] : []), ...(fast ? ["scaling.fast: false"] : [])];
  throw new Failure(
    `Cilium's address-based policies do not match nodes, so ${effects.join("; ")}.`,
    `Set ${keys.join(" and ")} to avoid the failed attempts; or set policy-cidr-match-mode: nodes in Cilium.`,
  );
}
