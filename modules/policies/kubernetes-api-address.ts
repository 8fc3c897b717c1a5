import { Construct } from "constructs";
import { TerraformIterator, TerraformLocal, type ListTerraformIterator } from "cdktf";
import { DataKubernetesResource } from "@cdktf/provider-kubernetes/lib/data-kubernetes-resource";

/** Networks whose addresses are private: RFC 1918, and 100.64.0.0/10, which some clouds use for control planes. */
const PRIVATE = "^(10[.]|192[.]168[.]|172[.](1[6-9]|2[0-9]|3[01])[.]|100[.](6[4-9]|[7-9][0-9]|1[01][0-9]|12[0-7])[.])";

/**
 * Terraform expression for the CIDR block of an address `a`. A replaced control plane gets another address but stays in
 * its subnet, so a policy for the exact address would block the watch until the next `up`. The neighbours of a public
 * address are unrelated, so only the exact address is allowed.
 */
export const BLOCK_OF_ADDRESS =
  `can(regex("${PRIVATE}", a)) ? cidrsubnet(format("%s/24", a), 0, 0) : ` +
  `can(regex("^f[cd]", a)) ? cidrsubnet(format("%s/64", a), 0, 0) : ` +
  `format(strcontains(a, ":") ? "%s/128" : "%s/32", a)`;

/**
 * Networks and port behind the Service `kubernetes`, for NetworkPolicies, which see a packet after its Service address
 * has been translated.
 *
 * The networks are read at each plan, so if the control plane moves to another network, the next `up` updates the
 * policies; until then, the API finds the replicas through DNS.
 */
export class KubernetesApiAddress extends Construct {
  /** CIDR blocks, such as `10.0.0.0/24` or `fd00::/64`. */
  private readonly blocks: ListTerraformIterator;
  private readonly port: string;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    const slice = new DataKubernetesResource(this, "slice", {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { name: "kubernetes", namespace: "default" },
    });
    const object = `${slice.fqn}.object`;
    this.port = `\${tostring(${object}.ports[0].port)}`;
    const blocks = new TerraformLocal(
      this,
      "blocks",
      `\${[for a in distinct(flatten([for e in ${object}.endpoints : e.addresses])) : ` + `${BLOCK_OF_ADDRESS}]}`,
    );
    this.blocks = TerraformIterator.fromList(blocks.asList);
  }

  /** Egress rules that allow only these blocks, one rule per block. */
  egress(): ReturnType<ListTerraformIterator["dynamic"]> {
    return this.blocks.dynamic({
      to: [{ ip_block: { cidr: this.blocks.value as string } }],
      ports: [{ port: this.port, protocol: "TCP" }],
    });
  }
}
