import { Construct } from "constructs";
import { NetworkPolicyV1 } from "@cdktf/provider-kubernetes/lib/network-policy-v1";
import { KEDA_OPERATOR_LABELS } from "../autoscaling/keda";
import { KubernetesApiAddress } from "./kubernetes-api-address";
import type { Config } from "../../config";
import { labels, PART_OF, projectLabels, selectorLabels } from "../../catalog/names";
import { COMPONENTS, JOBS, type ComponentOrJob } from "../../catalog/workloads";
import type { Flow, Peer } from "./flows";

export interface NetworkPoliciesProps {
  /** Namespace that the objects are created in. */
  readonly namespace: string;
  /** Whether the namespace is only for this project; otherwise, the policies do not apply to other pods. */
  readonly ownsNamespace: boolean;
  /** Namespace that Prometheus runs in. */
  readonly monitoringNamespace: string;
  /** The cluster's DNS: the namespace of its pods, their ports, and the addresses of DNS servers that are not pods. */
  readonly dns: Pick<Config["dns"], "namespace" | "ports" | "addresses">;
  /** Namespace that KEDA's operator runs in. */
  readonly kedaNamespace: string;
  /** Addresses and port of the API server; if no addresses are given, both are read from the cluster. */
  readonly apiServer: Config["cluster"]["apiServer"];
  /** Connections to allow. */
  readonly flows: readonly Flow[];
}

const COMPONENTS_AND_JOBS: readonly ComponentOrJob[] = [...COMPONENTS, ...JOBS];
const isComponentOrJob = (peer: Peer): peer is ComponentOrJob =>
  (COMPONENTS_AND_JOBS as readonly string[]).includes(peer);

/**
 * NetworkPolicies of the application's namespace: one that denies everything, and one per
 * component that allows exactly its rows of the flow table, in and out. In a namespace that
 * others use too, they apply only to our pods.
 *
 * A policy is checked when a connection opens; an established connection stays open
 * (kube-router and most others accept ESTABLISHED first).
 */
export class NetworkPolicies extends Construct {
  constructor(scope: Construct, id: string, props: NetworkPoliciesProps) {
    super(scope, id);

    new NetworkPolicyV1(this, "default-deny", {
      metadata: { name: "default-deny", namespace: props.namespace, labels: projectLabels },
      spec: {
        podSelector: props.ownsNamespace ? {} : { matchLabels: { "app.kubernetes.io/part-of": PART_OF } },
        policyTypes: ["Ingress", "Egress"],
      },
    });

    const peer = (p: Peer) => {
      if (isComponentOrJob(p)) return [{ podSelector: { matchLabels: selectorLabels(p) } }];
      if (p === "anyone") return [];
      const within = (namespace: string, pods?: Record<string, string>) => [
        {
          namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace } },
          ...(pods ? { podSelector: { matchLabels: pods } } : {}),
        },
      ];
      if (p === "prometheus") return within(props.monitoringNamespace, { "app.kubernetes.io/name": "prometheus" });
      if (p === "keda") return within(props.kedaNamespace, KEDA_OPERATOR_LABELS);
      // a DNS cache on the node (NodeLocal DNSCache) is not a pod that a selector could match
      const blocks = props.dns.addresses.map((a) => ({ ipBlock: { cidr: `${a}/${a.includes(":") ? 128 : 32}` } }));
      return [...within(props.dns.namespace), ...blocks];
    };

    for (const component of COMPONENTS_AND_JOBS.filter((p) => props.flows.some((f) => f.from === p))) {
      const ports = ({ to, port, protocol }: Flow) =>
        (to === "dns" ? props.dns.ports : [port]).map((number) => ({ port: String(number), protocol }));
      const ingress = props.flows
        .filter((f) => f.to === component)
        .map((f) => ({ from: peer(f.from), ports: ports(f) }));
      const egress = props.flows
        .filter((f) => f.from === component && f.to !== "kubernetes-api")
        .map((f) => ({ to: peer(f.to), ports: ports(f) }));
      new NetworkPolicyV1(this, component, {
        metadata: { name: component, namespace: props.namespace, labels: labels(component) },
        spec: {
          podSelector: { matchLabels: selectorLabels(component) },
          policyTypes: ["Ingress", "Egress"],
          ingress,
          egress,
        },
      });
    }

    // policies are additive: this one only adds addresses that are known at apply
    const watchers = props.flows.filter((f) => f.to === "kubernetes-api").map((f) => f.from as ComponentOrJob);
    if (watchers.length === 0) return;
    const { blocks, port } = props.apiServer;
    const api = blocks.length ? undefined : new KubernetesApiAddress(this, "kubernetes-api");
    const given = blocks.map((cidr) => ({
      to: [{ ipBlock: { cidr } }],
      ports: [{ port: String(port), protocol: "TCP" }],
    }));
    for (const component of watchers) {
      new NetworkPolicyV1(this, `${component}-kubernetes-api`, {
        metadata: { name: `${component}-kubernetes-api`, namespace: props.namespace, labels: labels(component) },
        spec: {
          podSelector: { matchLabels: selectorLabels(component) },
          policyTypes: ["Egress"],
          egress: api?.egress() ?? given,
        },
      });
    }
  }
}
