import * as path from "node:path";
import type { Construct } from "constructs";
import {
  DataTerraformRemoteStateLocal,
  DataTerraformRemoteStateS3,
  LocalBackend,
  S3Backend,
  type TerraformRemoteState,
  TerraformOutput,
  TerraformStack,
} from "cdktf";
import { KubernetesProvider } from "@cdktf/provider-kubernetes/lib/provider";
import { HelmProvider } from "@cdktf/provider-helm/lib/provider";
import { RandomProvider } from "@cdktf/provider-random/lib/provider";
import { PROJECT_ROOT } from "../catalog/paths";
import type { Config } from "../config";
import {
  KubernetesBackend,
  KubernetesRemoteState,
  type KubernetesStateProps,
} from "../modules/terraform/kubernetes-backend";
import { IGNORE_FOREIGN } from "../modules/terraform/foreign-metadata";
import { OUTPUTS, UPSTREAM, type LayerName, type OutputName, type Outputs, type Upstream } from "./outputs";
import { MINIMUM_TERRAFORM, PROVIDERS } from "../catalog/versions";

/**
 * Helm's files for a layer, relative to the folder in which Terraform runs. Otherwise, the provider would read this
 * machine's list of Helm repositories and fail if the index of any of them is not cached
 * (terraform-provider-helm#1475), because Helm searches all of them for the one that a chart's address belongs to.
 */
const HELM_FILES = ".terraform/helm";

/** Absolute path of a layer's state file, if the backend is local. */
export const statePath = (config: Config, layer: LayerName): string =>
  path.resolve(PROJECT_ROOT, config.state.dir, `${layer}.tfstate`);

const s3Key = (config: Config, layer: LayerName) => ({
  bucket: config.state.bucket!,
  region: config.state.region!,
  key: `${config.state.prefix}/${layer}.tfstate`,
});

/**
 * One layer: a Terraform stack with its backend, its providers and its outputs.
 *
 * Layers depend on each other only through {@link stateOf} and {@link write}: named outputs, which other tools can read
 * too, instead of automatic references between stacks.
 */
export abstract class Layer<L extends LayerName> extends TerraformStack {
  constructor(
    scope: Construct,
    readonly layer: L,
    protected readonly config: Config,
  ) {
    super(scope, layer);
    this.backend();
    this.addOverride("terraform.required_version", `>= ${MINIMUM_TERRAFORM}`);
  }

  private backend(): void {
    const { state } = this.config;
    if (state.backend === "local") new LocalBackend(this, { path: statePath(this.config, this.layer) });
    if (state.backend === "s3") {
      new S3Backend(this, { ...s3Key(this.config, this.layer), encrypt: true });
      // Terraform does not lock states in S3 by default
      if (state.lockfile) this.addOverride("terraform.backend.s3.use_lockfile", true);
    }
    if (state.backend === "kubernetes") new KubernetesBackend(this, this.kubernetesState(this.layer));
  }

  private kubernetesState(layer: LayerName): KubernetesStateProps {
    return {
      secretSuffix: `${this.config.state.prefix}-${layer}`,
      namespace: this.config.state.namespace,
      configPaths: this.config.kubeconfigs,
      configContext: this.config.cluster.context,
    };
  }

  /**
   * Reads the outputs of an upstream layer by their names in outputs.ts, from any backend.
   * @throws if UPSTREAM does not list the layer
   */
  protected stateOf<U extends Upstream<L> & LayerName>(layer: U): (name: OutputName<U>) => string {
    const state = this.remoteState(layer);
    return (name) => state.getString(name);
  }

  private remoteState(layer: LayerName): Pick<TerraformRemoteState, "getString"> {
    if (!(UPSTREAM[this.layer] as readonly LayerName[]).includes(layer)) {
      throw new Error(
        `layer ${this.layer} reads ${layer}, which UPSTREAM does not list for it: add it in stacks/outputs.ts`,
      );
    }
    const id = `${layer}-state`;
    if (this.config.state.backend === "s3") {
      return new DataTerraformRemoteStateS3(this, id, s3Key(this.config, layer));
    }
    return this.config.state.backend === "kubernetes"
      ? new KubernetesRemoteState(this, id, this.kubernetesState(layer))
      : new DataTerraformRemoteStateLocal(this, id, { path: statePath(this.config, layer) });
  }

  /** Writes all outputs of this layer, in the order of outputs.ts. */
  protected write(values: Outputs<L>): void {
    this.writeSome(values);
  }

  /** Writes only the outputs that have a value in this configuration. */
  protected writeSome(values: Partial<Outputs<L>>): void {
    for (const [name, description] of Object.entries(OUTPUTS[this.layer]) as [OutputName<L>, string][]) {
      const value = values[name];
      if (value === undefined) continue;
      const output = new TerraformOutput(this, `output-${name}`, { value, description });
      output.overrideLogicalId(name);
    }
  }

  protected useKubernetes(): void {
    new KubernetesProvider(this, "kubernetes", { ...this.clusterAccess(), ...IGNORE_FOREIGN });
    this.pinProvider("hashicorp/kubernetes");
  }

  protected useHelm(): void {
    new HelmProvider(this, "helm", {
      kubernetes: this.clusterAccess(),
      repositoryConfigPath: `${HELM_FILES}/repositories.yaml`,
      repositoryCache: `${HELM_FILES}/repository`,
    });
    this.pinProvider("hashicorp/helm");
  }

  /** Settings of the configured cluster; the provider merges several kubeconfig files. */
  private clusterAccess() {
    const { kubeconfigs, cluster } = this.config;
    return {
      ...(kubeconfigs.length === 1 ? { configPath: kubeconfigs[0]! } : { configPaths: [...kubeconfigs] }),
      ...(cluster.context ? { configContext: cluster.context } : {}),
    };
  }

  protected useRandom(): void {
    new RandomProvider(this, "random", {});
    this.pinProvider("hashicorp/random");
  }

  /** Pins the exact version, because two machines could create different plans with a version range. */
  protected pinProvider(source: keyof typeof PROVIDERS): void {
    const name = source.split("/")[1]!;
    this.addOverride(`terraform.required_providers.${name}.version`, PROVIDERS[source]);
  }
}
