/**
 * Checks that kubectl and Terraform's providers use the same cluster, because they read different variables
 * (config/redirects.ts).
 */
import type { Config } from "../../config";
import { Failure } from "../terminal/ui";

interface Access {
  readonly config_path?: string;
  readonly config_paths?: readonly string[];
  readonly config_context?: string;
}
/** The providers of a layer's cdk.tf.json. */
export interface WithProviders {
  readonly provider?: {
    readonly kubernetes?: readonly Access[];
    readonly helm?: readonly { readonly kubernetes: Access }[];
  };
}

/** @throws Failure that names the layer that uses another cluster */
export function checkOneCluster(config: Config, stacks: Readonly<Record<string, WithProviders>>): string {
  const { kubeconfigs, cluster } = config;
  const chosen = [cluster.context ?? "", ...kubeconfigs].join("\n");
  for (const [layer, { provider }] of Object.entries(stacks)) {
    const accesses = [...(provider?.kubernetes ?? []), ...(provider?.helm ?? []).map((helm) => helm.kubernetes)];
    for (const { config_path: file, config_paths: files, config_context: context } of accesses) {
      if ([context ?? "", ...(file === undefined ? (files ?? []) : [file])].join("\n") === chosen) continue;
      throw new Failure(
        `Terraform and kubectl would use different clusters in layer ${layer}: context ${context ?? "(none)"} instead of ${cluster.context ?? "(none)"}.`,
        "Delete cdktf.out, and run npm run doctor again.",
      );
    }
  }
  return cluster.context
    ? `kubectl and Terraform use context ${cluster.context}`
    : "this machine's own cluster, for both";
}
