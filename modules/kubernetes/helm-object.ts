import { Construct } from "constructs";
import { Release } from "@cdktf/provider-helm/lib/release";
import { escapeTemplate } from "../terraform/escape";
import { LOCAL_RELEASE, localChart } from "./local-chart";

export interface HelmObjectProps {
  /** The Helm release is `object-NAME`. */
  readonly name: string;
  /** Namespace that the objects are created in. */
  readonly namespace: string;
  /** The Kubernetes object, complete. */
  readonly object: object;
}

/**
 * One Kubernetes object as a Helm release, for users who may not list CRDs: `kubernetes_manifest` looks up every kind
 * among the CRDs, even Deployments.
 *
 * Helm compares the previous release with the new one and ignores fields that are in neither. We never write a replica
 * count, so the autoscaler's value is kept. Helm neither shows nor reverts manual changes.
 */
export class HelmObject extends Construct {
  constructor(scope: Construct, id: string, props: HelmObjectProps) {
    super(scope, id);
    new Release(this, "release", {
      name: `object-${props.name}`,
      namespace: props.namespace,
      chart: localChart("object"),
      values: [escapeTemplate(JSON.stringify({ object: props.object }))],
      // `npm run up` waits for all objects and reports on each of them
      wait: false,
      ...LOCAL_RELEASE,
    });
  }
}
