import { Construct } from "constructs";
import { TerraformStack } from "cdktf";
import { SecretV1 } from "@cdktf/provider-kubernetes/lib/secret-v1";
import { projectLabels } from "./names";

export interface GeneratedPasswordProps {
  readonly namespace: string;
  /** Name of the Secret. */
  readonly name: string;
  /** Keys of the Secret, each from the password's Terraform reference. */
  readonly data: (password: string) => Readonly<Record<string, string>>;
  /**
   * Raise it to make a new password.
   * @default 1
   */
  readonly revision?: number;
}

/**
 * A Secret whose password is made on the first apply and stored in the cluster only.
 *
 * The password is an *ephemeral* value and reaches the Secret through a *write-only* attribute,
 * so neither state nor plan ever holds it. cdktf 0.21 has no construct for `ephemeral`, hence
 * the override; both need Terraform or OpenTofu 1.11. Each run makes a new ephemeral value,
 * but only a new revision writes it. The random provider must be in the stack.
 */
export class GeneratedPassword extends Construct {
  readonly secretName: string;

  constructor(scope: Construct, id: string, props: GeneratedPasswordProps) {
    super(scope, id);
    const ephemeral = props.name.replace(/-/g, "_");
    TerraformStack.of(this).addOverride(`ephemeral.random_password.${ephemeral}`, { length: 32, special: false });
    const secret = new SecretV1(this, "secret", {
      metadata: { name: props.name, namespace: props.namespace, labels: projectLabels },
      type: "Opaque",
      dataWo: props.data(`\${ephemeral.random_password.${ephemeral}.result}`),
      dataWoRevision: props.revision ?? 1,
    });
    this.secretName = secret.metadata.name;
  }
}
