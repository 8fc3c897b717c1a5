import { Construct } from "constructs";
import { TerraformIterator, TerraformLocal, type ListTerraformIterator } from "cdktf";
import { DataKubernetesResource } from "@cdktf/provider-kubernetes/lib/data-kubernetes-resource";

/**
 * Where the cluster's own API is, as a NetworkPolicy needs it: addresses and port behind the
 * Service `kubernetes`, since policies look at a packet after its Service was resolved.
 *
 * Read at each plan: where the control plane has moved, the next `up` follows.
 */
export class KubernetesApiAddress extends Construct {
  /** One address block each, `10.0.0.1/32` or `fd00::1/128`. */
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

  /** Rules of a policy that allow this and nothing else: one an address. */
  egress(): ReturnType<ListTerraformIterator["dynamic"]> {
    return this.blocks.dynamic({
      to: [{ ip_block: { cidr: this.blocks.value as string } }],
      ports: [{ port: this.port, protocol: "TCP" }],
    });
  }
}
