/** The parts of Kubernetes objects that decisions are based on; the rest of each object is not kept. */

export interface PodView {
  /** Unique even if the name is reused. */
  readonly uid: string;
  readonly name: string;
  /** undefined until the pod has an address. */
  readonly ip: string | undefined;
  /** Running and Ready. */
  readonly ready: boolean;
  /** Being deleted or terminated, so it no longer serves requests. */
  readonly gone: boolean;
}

export interface WorkloadView {
  readonly name: string;
  /** Replica count in its spec. */
  readonly replicas: number;
  readonly resourceVersion: string;
}

/** CPU usage as the HorizontalPodAutoscaler sees it, in percent of the request. */
export interface Utilization {
  /** undefined if there is currently no value. */
  readonly current: number | undefined;
  readonly target: number;
}

export interface AutoscalerView {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  /** Whether it currently gets its metrics. */
  readonly active: boolean;
  /** Replica count at its last evaluation. */
  readonly replicas: number;
  /** One per metric; undefined for a metric without a target utilization, which the scaler cannot evaluate. */
  readonly utilizations: readonly (Utilization | undefined)[];
}
