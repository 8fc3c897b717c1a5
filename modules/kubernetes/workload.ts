import { createHash } from "node:crypto";
import { Construct } from "constructs";
import { DefaultTokenResolver, StringConcat, Tokenization } from "cdktf";
import type { StatefulSetSpec } from "kubernetes-types/apps/v1";
import type { PodSpec } from "kubernetes-types/core/v1";
import type { Config } from "../../config";
import { writeObject } from "./object";
import { FAST_EVICTION } from "./pod";
import { withCanonicalQuantities } from "./quantity";
import { labels, selectorLabels } from "../../catalog/names";
import { WORKLOAD_NAME, workloadOf, type Component } from "../../catalog/workloads";

interface CommonProps {
  /** The part of the configuration that determines how objects are written. */
  readonly config: Pick<Config, "workloads">;
  /** The workload to write; determines the object's name and labels. */
  readonly component: Component;
  /** Namespace that the objects are created in. */
  readonly namespace: string;
  /** Spec of the pods. */
  readonly pod: PodSpec;
  /**
   * A value that must restart the pods when it changes, such as a hash of their configuration.
   * @default the pods restart only if their spec changes
   */
  readonly rollOn?: string;
}
export interface DeploymentProps extends CommonProps {
  /** Kind of the object. */
  readonly kind: "Deployment";
  /**
   * Number of pods, for a Deployment without an autoscaler.
   * @default an autoscaler determines the number
   */
  readonly fixedSize?: number;
}
export interface StatefulSetProps extends CommonProps {
  /** Kind of the object. */
  readonly kind: "StatefulSet";
  /**
   * Number of pods, if no autoscaler owns it.
   * @default the autoscaler owns it
   */
  readonly fixedSize?: number;
  /** The StatefulSet's spec, without the fields that this module sets. */
  readonly spec: Omit<StatefulSetSpec, "replicas" | "selector" | "template">;
}
export type WorkloadProps = DeploymentProps | StatefulSetProps;

/** Annotation that turns every change to the object into a change to the pod template. */
export const REVISION = "iacproject/revision";

/**
 * Fields whose changes restart the pods: all except the claim templates. When those change, the set is recreated
 * without its pods (scripts/deploy/recreate-set.ts).
 */
const rolling = <T extends object>(spec: T): object => {
  const { volumeClaimTemplates: _, ...rest } = spec as T & { volumeClaimTemplates?: unknown };
  return rest;
};

/** A rollout adds pods first, and removes one only when a new one is Ready. */
function rollout(component: Component) {
  const { surge } = workloadOf(component);
  if (surge === undefined) throw new Error(`catalog/workloads.ts has no surge for ${component}, which is a Deployment`);
  return { type: "RollingUpdate", rollingUpdate: { maxSurge: surge, maxUnavailable: 0 } };
}

/**
 * A Deployment or StatefulSet, written by server-side apply.
 *
 * **Its replica count belongs to the autoscaler.** The typed resources write the whole spec on each update, with the
 * count read at plan time (terraform-provider-kubernetes#584). `kubernetes_manifest` does so too, unless `spec` is a
 * computed field: a change to spec then sends only the fields written here, so Terraform never owns `replicas`. An
 * update outside spec would still send the old count. {@link REVISION} prevents such updates: it is a hash inside spec
 * of everything that can be updated. Tests and alternatives: docs/decisions/0001-replica-count.md.
 */
export class Workload extends Construct {
  readonly name: string;

  /** @throws if `fixedSize` is below 1, or if the catalog has no `surge` for a Deployment */
  constructor(scope: Construct, id: string, props: WorkloadProps) {
    super(scope, id);
    this.name = WORKLOAD_NAME[props.component];
    const { fixedSize } = props;
    if (fixedSize !== undefined && fixedSize < 1) {
      throw new Error(`${this.name}: fixedSize is ${fixedSize}, but must be at least 1`);
    }
    const metadata = { name: this.name, namespace: props.namespace, labels: labels(props.component) };
    // a StatefulSet's pod is not replaced while its node exists, so eviction would only restart it when the node comes
    // back
    const tolerations = props.kind === "Deployment" ? { tolerations: FAST_EVICTION } : {};
    // before hashing, because another spelling of the same quantity must not restart the pods
    const pod = withCanonicalQuantities({ ...tolerations, ...props.pod });
    const spec = {
      ...(fixedSize === undefined ? {} : { replicas: fixedSize }),
      ...(props.kind === "Deployment" ? { strategy: rollout(props.component) } : withCanonicalQuantities(props.spec)),
      selector: { matchLabels: selectorLabels(props.component) },
    };
    // hash the resolved values, because tokens are numbered in order of creation
    const resolved = Tokenization.resolve([metadata, rolling(spec), pod, props.rollOn ?? ""], {
      scope: this,
      resolver: new DefaultTokenResolver(new StringConcat()),
      preparing: false,
    }) as unknown;
    const revision = createHash("sha256").update(JSON.stringify(resolved)).digest("hex").slice(0, 16);
    const object = {
      apiVersion: "apps/v1",
      kind: props.kind,
      metadata,
      spec: {
        ...spec,
        template: {
          metadata: {
            labels: labels(props.component),
            annotations: { [REVISION]: revision },
          },
          spec: pod,
        },
      },
    };
    writeObject(this, "manifest", {
      config: props.config,
      name: this.name,
      namespace: props.namespace,
      object,
      computedFields: ["metadata.labels", "metadata.annotations", "spec"],
      fieldManager: { name: "terraform" },
      timeouts: { create: "5m", update: "5m", delete: "5m" },
    });
  }
}
