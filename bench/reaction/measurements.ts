/** The measurements of the reaction benchmark, from which its report and pictures are made. */
import type { LoadResult } from "../../test/e2e/helpers/load";
import type { Engine } from "./engines";

/** One load step; times in ms from its first request, null if the event did not happen during the step. */
export interface Step {
  readonly engine: Engine;
  readonly multiple: number;
  readonly rate: number;
  /** Offset of the start in the autoscaler's sync period, ms. */
  readonly phase: number;
  readonly decision: number | null;
  readonly created: number | null;
  readonly ready: number | null;
  readonly served: number | null;
  readonly peak: number;
  readonly wanted: readonly { readonly at: number; readonly count: number }[];
  readonly pods: readonly { readonly created: number; readonly ready: number | null }[];
  /** From the start of a pod's process to Ready, ms. */
  readonly starts: readonly number[];
  readonly load: LoadResult;
}

export interface Steady {
  readonly engine: Engine;
  readonly rate: number;
  readonly seconds: number;
  readonly wanted: readonly { readonly at: number; readonly count: number }[];
  readonly load: LoadResult;
  /** From the end of the load to the minimum, ms; null if not within the wait. */
  readonly back: number | null;
  /** The load that continues during this time. */
  readonly backLoad: LoadResult;
}

export interface Reaction {
  /** Requests per second that keep a pod at its CPU target. */
  capacity: number;
  idle: number;
  steps: Step[];
  steady: Steady[];
  /** From the start of a replica's process to Ready, ms. */
  replicaStarts: number[];
}
