import { Construct } from "constructs";
import { NamespaceV1 } from "@cdktf/provider-kubernetes/lib/namespace-v1";
import { projectLabels } from "../../catalog/names";

export type PodSecurityLevel = "restricted" | "baseline" | "privileged";

export interface NamespaceProps {
  /** Name of the namespace. */
  readonly name: string;
  /** Pod Security level that the namespace enforces. */
  readonly enforce: PodSecurityLevel;
  /** false: the namespace already exists, is used as it is, and is kept after a destroy. */
  readonly create: boolean;
}

/**
 * A namespace that enforces a Pod Security level and warns about everything that is not `restricted`. `ref` is a
 * reference to its name, so resources that use `ref` depend on the namespace.
 */
export class Namespace extends Construct {
  readonly ref: string;

  constructor(scope: Construct, id: string, props: NamespaceProps) {
    super(scope, id);
    if (!props.create) {
      this.ref = props.name;
      return;
    }
    const namespace = new NamespaceV1(this, "namespace", {
      metadata: {
        name: props.name,
        labels: {
          ...projectLabels,
          "pod-security.kubernetes.io/enforce": props.enforce,
          "pod-security.kubernetes.io/warn": "restricted",
        },
      },
      timeouts: { delete: "10m" },
    });
    this.ref = namespace.metadata.name;
  }
}
