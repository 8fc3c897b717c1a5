import { Construct } from "constructs";
import { TerraformStack } from "cdktf";
import { SecretV1 } from "@cdktf/provider-kubernetes/lib/secret-v1";
import { projectLabels } from "../../catalog/names";

export interface GeneratedSecretProps {
  /** Namespace that the objects are created in. */
  readonly namespace: string;
  /** Name of the Secret. */
  readonly name: string;
  /** Keys that get a generated password each. */
  readonly passwords: readonly string[];
  /**
   * Additional, non-secret keys and their values.
   * @default none
   */
  readonly data?: Readonly<Record<string, string>>;
}

/**
 * A Secret whose passwords are generated on the first apply and stored only in the cluster.
 *
 * A password is an *ephemeral* value and reaches the Secret through a *write-only* attribute, so neither the state nor
 * the plan ever contains it. cdktf 0.21 has no construct for `ephemeral`, hence the override; both features need
 * Terraform or OpenTofu 1.11. Each run generates new ephemeral values, but only a new revision would write them, so
 * later changes to the Secret (npm run rotate) are kept. The random provider must be in the stack.
 */
export class GeneratedSecret extends Construct {
  readonly secretName: string;

  constructor(scope: Construct, id: string, props: GeneratedSecretProps) {
    super(scope, id);
    const passwords = props.passwords.map((key) => {
      const ephemeral = `${props.name}_${key}`.replace(/-/g, "_");
      TerraformStack.of(this).addOverride(`ephemeral.random_password.${ephemeral}`, { length: 32, special: false });
      return [key, `\${ephemeral.random_password.${ephemeral}.result}`];
    });
    const secret = new SecretV1(this, "secret", {
      metadata: { name: props.name, namespace: props.namespace, labels: projectLabels },
      type: "Opaque",
      dataWo: { ...props.data, ...(Object.fromEntries(passwords) as Record<string, string>) },
      dataWoRevision: 1,
    });
    this.secretName = secret.metadata.name;
  }
}
