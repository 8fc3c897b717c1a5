import { Construct } from "constructs";
import { Release } from "@cdktf/provider-helm/lib/release";
import { escapeTemplate } from "../terraform/escape";
import { LOCAL_RELEASE, localChart } from "./local-chart";

export interface HelmObjectProps {
  /** Name of the object; the Helm release is `object-NAME`. */
  readonly name: string;
  /** Namespace that the objects are created in. */
  readonly namespace: string;
  /** The Kubernetes object, complete. */
  readonly object: object;
}

/**
 * One object of Kubernetes as a Helm release, for users who may not list CRDs: `kubernetes_manifest` looks every kind up
 * among them, Deployments too.
 *
 * Helm compares what it wrote last with what it is to write now, and leaves fields alone that are in neither: a replica
 * count that is never written stays the autoscaler's. What was changed by hand it neither shows nor puts back.
 */
export class HelmObject extends Construct {
  constructor(scope: Construct, id: string, props: HelmObjectProps) {
    super(scope, id);
    new Release(this, "release", {
      name: `object-${props.name}`,
      namespace: props.namespace,
      chart: localChart("object"),
      values: [escapeTemplate(JSON.stringify({ object: props.object }))],
      // `npm run up` waits for all of them, with a word about each
      wait: false,
      ...LOCAL_RELEASE,
    });
  }
}
