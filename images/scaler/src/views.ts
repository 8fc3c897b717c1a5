/** The parts of Kubernetes' objects that decisions need; the rest of each object is not kept. */

export interface PodView {
  /** Unique even if the same name is used again. */
  readonly uid: string;
  readonly name: string;
  /** undefined until the pod has one. */
  readonly ip: string | undefined;
  /** Running and Ready. */
  readonly ready: boolean;
  /** Being deleted, or ended: it serves nothing any more. */
  readonly gone: boolean;
}

export interface WorkloadView {
  readonly name: string;
  /** Count in its spec. */
  readonly replicas: number;
  readonly resourceVersion: string;
}

/** A share of CPU as the HorizontalPodAutoscaler sees it, percent of the request. */
export interface Utilization {
  /** undefined if it has no value at present. */
  readonly current: number | undefined;
  readonly target: number;
}

export interface AutoscalerView {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  /** Whether it gets its metrics at present. */
  readonly active: boolean;
  /** Count at its last evaluation. */
  readonly replicas: number;
  /** One for each of its metrics. undefined for one that is not a share of a resource, which the scaler cannot judge. */
  readonly utilizations: readonly (Utilization | undefined)[];
}
