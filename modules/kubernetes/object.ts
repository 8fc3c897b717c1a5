import type { Construct } from "constructs";
import { Manifest, type ManifestConfig } from "@cdktf/provider-kubernetes/lib/manifest";
import type { Config } from "../../config";
import { HelmObject } from "./helm-object";
import { withCanonicalQuantities } from "./quantity";

export interface ObjectProps extends Omit<ManifestConfig, "manifest"> {
  /** The part of the configuration that determines how objects are written. */
  readonly config: Pick<Config, "workloads">;
  /** Name of the Helm release: `object-NAME`. */
  readonly name: string;
  /** Namespace that the objects are created in. */
  readonly namespace: string;
  /** The Kubernetes object, complete. */
  readonly object: object;
}

/**
 * Writes one Kubernetes object in the way that `workloads` selects: with server-side apply (construct `id` of `scope`)
 * or as a Helm release (construct `object`). Quantities are written in the form that the API server returns.
 */
export function writeObject(scope: Construct, id: string, props: ObjectProps): void {
  const { config, name, namespace, object: given, ...manifest } = props;
  const object = withCanonicalQuantities(given);
  if (config.workloads === "helm") new HelmObject(scope, "object", { name, namespace, object });
  else new Manifest(scope, id, { ...manifest, manifest: object as Record<string, unknown> });
}
