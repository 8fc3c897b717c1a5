/**
 * The recommendation of one signal, computed as the HorizontalPodAutoscaler computes it for a mean value per pod.
 * Source: kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale, "Algorithm details"
 */

/** A mean that differs from its target by no more than this share changes nothing: the default of Kubernetes. */
export const TOLERANCE = 0.1;

/** Readings of one gauge. */
export interface Readings {
  /** One for each Ready pod that reported it. */
  readonly values: readonly number[];
  /** Ready pods that did not. */
  readonly missing: number;
  /** Pods that are not Ready yet. */
  readonly unready: number;
}

/** Rounds up; the quotient of two decimal fractions may be a little above a whole number that it should equal. */
export const roundUp = (count: number): number => Math.max(0, Math.ceil(count - 1e-9));

export const withinTolerance = (ratio: number): boolean => Math.abs(1 - ratio) <= TOLERANCE + 1e-9;

/**
 * @param present count now
 * @returns the recommended count; undefined if no pod reported the gauge
 */
export function recommend({ values, missing, unready }: Readings, target: number, present: number): number | undefined {
  if (values.length === 0) return undefined;
  const sum = values.reduce((total, value) => total + value, 0);
  const ratio = sum / values.length / target;
  // pods that start will take a part of the load
  const starting = ratio > 1 ? unready : 0;
  if (missing === 0 && starting === 0) {
    return withinTolerance(ratio) ? present : roundUp(ratio * values.length);
  }
  // whatever a missing value is, it must not turn out to have been a reason against the change
  const assumed = ratio < 1 ? missing * target : 0;
  const pods = values.length + missing + starting;
  const corrected = (sum + assumed) / pods / target;
  const turned = (ratio < 1 && corrected > 1) || (ratio > 1 && corrected < 1);
  if (withinTolerance(corrected) || turned) return present;
  const count = roundUp(corrected * pods);
  const opposite = (corrected < 1 && count > present) || (corrected > 1 && count < present);
  return opposite ? present : count;
}
