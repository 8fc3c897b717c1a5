import type { Construct } from "constructs";
import { TerraformBackend, TerraformRemoteState, type DataTerraformRemoteStateConfig } from "cdktf";

/** Terraform's `kubernetes` backend: state in a Secret, locked by a Lease. cdktf 0.21 has no class for it. */
export interface KubernetesStateProps {
  /** Suffix of the state Secret, `tfstate-default-SUFFIX`. */
  readonly secretSuffix: string;
  /** Namespace of the state Secret and its Lease. */
  readonly namespace: string;
  /** Kubeconfig files, merged in this order. */
  readonly configPaths: readonly string[];
  /**
   * Kubeconfig context.
   * @default the current context
   */
  readonly configContext?: string | undefined;
}

const attributes = (p: KubernetesStateProps): Record<string, unknown> => ({
  secret_suffix: p.secretSuffix,
  namespace: p.namespace,
  config_paths: [...p.configPaths],
  ...(p.configContext ? { config_context: p.configContext } : {}),
});

/** Data source for the outputs of another layer. */
export class KubernetesRemoteState extends TerraformRemoteState {
  constructor(scope: Construct, id: string, props: KubernetesStateProps) {
    super(scope, id, "kubernetes", attributes(props) as DataTerraformRemoteStateConfig);
  }
}

/** Backend that stores a layer's state in the cluster. */
export class KubernetesBackend extends TerraformBackend {
  constructor(
    scope: Construct,
    private readonly props: KubernetesStateProps,
  ) {
    super(scope, "backend", "kubernetes");
  }

  protected override synthesizeAttributes(): Record<string, unknown> {
    return attributes(this.props);
  }

  override getRemoteStateDataSource(scope: Construct, name: string, _fromStack: string): TerraformRemoteState {
    return new KubernetesRemoteState(scope, name, this.props);
  }
}
