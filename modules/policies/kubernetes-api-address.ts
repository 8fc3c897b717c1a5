import { Construct } from "constructs";
import { TerraformIterator, TerraformLocal, type ListTerraformIterator } from "cdktf";
import { DataKubernetesResource } from "@cdktf/provider-kubernetes/lib/data-kubernetes-resource";

/**
 * Addresses and port behind the Service `kubernetes`, for NetworkPolicies: policies see a packet after its Service
 * address has been translated. They are read at each plan, so that the next `up` follows if the control plane moves.
 */
export class KubernetesApiAddress extends Construct {
  /** One CIDR block per address, such as `10.0.0.1/32` or `fd00::1/128`. */
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
      `\${[for a in distinct(flatten([for e in ${object}.endpoints : e.addresses])) : ` +
        `format(strcontains(a, ":") ? "%s/128" : "%s/32", a)]}`,
    );
    this.blocks = TerraformIterator.fromList(blocks.asList);
  }

  /** Egress rules that allow only these addresses, one rule each. */
  egress(): ReturnType<ListTerraformIterator["dynamic"]> {
    return this.blocks.dynamic({
      to: [{ ip_block: { cidr: this.blocks.value as string } }],
      ports: [{ port: this.port, protocol: "TCP" }],
    });
  }
}
