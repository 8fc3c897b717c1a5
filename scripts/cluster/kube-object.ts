/** Kubernetes objects as printed by kubectl: the fields that the scripts read, for all kinds of objects. */
import { PART_OF } from "../../catalog/names";

export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
}

/** Target or current value of an autoscaler's metric. */
export interface MetricTarget {
  readonly averageUtilization?: number;
  readonly averageValue?: string;
  readonly value?: string;
}
export interface AutoscalerMetric {
  readonly type: string;
  readonly containerResource?: { readonly target?: MetricTarget; readonly current?: MetricTarget };
  readonly resource?: { readonly target?: MetricTarget; readonly current?: MetricTarget };
  readonly external?: {
    readonly metric: { readonly name: string };
    readonly target?: MetricTarget;
    readonly current?: MetricTarget;
  };
}

export interface ContainerState {
  readonly waiting?: { readonly reason?: string; readonly message?: string };
  readonly terminated?: { readonly reason?: string; readonly message?: string; readonly exitCode?: number };
  readonly running?: object;
}
export interface ContainerStatus {
  readonly name: string;
  readonly image: string;
  readonly restartCount: number;
  readonly ready?: boolean;
  readonly started?: boolean;
  readonly state?: ContainerState;
  readonly lastState?: ContainerState;
}

export interface KubeSpec {
  readonly replicas?: number;
  readonly template?: { readonly spec: { readonly containers: readonly { readonly image: string }[] } };
  readonly minReplicas?: number;
  readonly maxReplicas?: number;
  readonly metrics?: readonly AutoscalerMetric[];
  readonly scaleTargetRef?: { readonly kind: string; readonly name: string };
  readonly claimRef?: { readonly namespace: string; readonly name: string };
  readonly service?: { readonly namespace: string; readonly name: string };
  readonly holderIdentity?: string;
  readonly unschedulable?: boolean;
  readonly nodeName?: string;
  readonly [other: string]: unknown;
}
export interface KubeStatus {
  readonly phase?: string;
  readonly conditions?: readonly Condition[];
  readonly containerStatuses?: readonly ContainerStatus[];
  readonly initContainerStatuses?: readonly ContainerStatus[];
  readonly currentMetrics?: readonly AutoscalerMetric[];
  readonly replicas?: number;
  readonly readyReplicas?: number;
  readonly updatedReplicas?: number;
  readonly observedGeneration?: number;
  readonly desiredNumberScheduled?: number;
  readonly updatedNumberScheduled?: number;
  readonly numberReady?: number;
  readonly capacity?: { readonly storage?: string };
  readonly nodeInfo?: { readonly architecture?: string };
  readonly allowed?: boolean;
  readonly [other: string]: unknown;
}

export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid?: string;
    readonly creationTimestamp?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
    readonly ownerReferences?: readonly { readonly kind: string; readonly name: string }[];
  };
  readonly spec?: KubeSpec;
  readonly status?: KubeStatus;
  readonly data?: Readonly<Record<string, string>>;
}

/** Whether a pod or a node is Ready. */
export const isReady = (object: KubeObject): boolean =>
  (object.status?.conditions ?? []).some((c) => c.type === "Ready" && c.status === "True");

/** Label of all objects of this project. */
export const PART_LABEL = "app.kubernetes.io/part-of";
export const isOurs = (object: KubeObject): boolean => object.metadata.labels?.[PART_LABEL] === PART_OF;

/** Whether an object belongs to a Helm release in a namespace. */
export const isOfRelease = (object: KubeObject | undefined, release: string, namespace: string): boolean =>
  object?.metadata.annotations?.["meta.helm.sh/release-name"] === release &&
  object.metadata.annotations["meta.helm.sh/release-namespace"] === namespace;

/** The objects that kubectl printed as JSON: one, a list, or one after another, as some commands print several. */
export function objectsIn(output: string): KubeObject[] {
  const parse = (text: string): KubeObject[] => {
    const object = JSON.parse(text) as KubeObject & { readonly items?: KubeObject[] };
    return object.items ?? [object];
  };
  // each object's last line is its only one that begins with a brace
  const parts = output.split(/^\}$/m).filter((text) => text.trim());
  return parts.length > 1 ? parts.flatMap((text) => parse(`${text}}`)) : output.trim() ? parse(output) : [];
}
