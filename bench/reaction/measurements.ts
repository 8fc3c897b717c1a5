/** The reaction benchmark's measurements, from which its report and charts are produced. */
import type { LoadResult } from "../../test/e2e/helpers/load";
import type { Engine } from "./engines";

/** One load step. Times are in ms from its first request, and null if the event did not happen during the step. */
export interface Step {
  readonly engine: Engine;
  readonly multiple: number;
  readonly rate: number;
  /** Offset of the step's start within the autoscaler's sync period, in ms. */
  readonly phase: number;
  readonly decision: number | null;
  readonly created: number | null;
  readonly ready: number | null;
  readonly served: number | null;
  readonly peak: number;
  readonly wanted: readonly { readonly at: number; readonly count: number }[];
  readonly pods: readonly { readonly created: number; readonly ready: number | null }[];
  /** Times from the start of a pod's process until the pod is Ready, in ms. */
  readonly starts: readonly number[];
  readonly load: LoadResult;
}

export interface Steady {
  readonly engine: Engine;
  readonly rate: number;
  readonly seconds: number;
  readonly wanted: readonly { readonly at: number; readonly count: number }[];
  readonly load: LoadResult;
  /** Time from the end of the load until the pods are back at their minimum, in ms; null if the wait ended first. */
  readonly back: number | null;
  /** The load that continues during this time. */
  readonly backLoad: LoadResult;
}

export interface Reaction {
  /** The number of requests per second that keeps a pod at its CPU target. */
  capacity: number;
  idle: number;
  steps: Step[];
  steady: Steady[];
  /** Times from the start of a replica's process until the replica is Ready, in ms. */
  replicaStarts: number[];
}
