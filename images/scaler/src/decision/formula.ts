/**
 * The recommendation for one signal, computed as the HorizontalPodAutoscaler does for a mean value per pod.
 * Source: kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale, "Algorithm details"
 */

/** A mean that differs from its target by no more than this share changes nothing; this is Kubernetes' default. */
export const TOLERANCE = 0.1;

/** Readings of one gauge. */
export interface Readings {
  /** One value per Ready pod that reported the gauge. */
  readonly values: readonly number[];
  /** Number of Ready pods that did not report the gauge. */
  readonly missing: number;
  /** Number of pods that are not Ready yet. */
  readonly unready: number;
}

/** Rounds up; ignores floating-point errors, which may put a quotient slightly above the whole number it should be. */
export const roundUp = (count: number): number => Math.max(0, Math.ceil(count - 1e-9));

export const withinTolerance = (ratio: number): boolean => Math.abs(1 - ratio) <= TOLERANCE + 1e-9;

/**
 * @param present the present count
 * @returns the recommended count; undefined if no pod reported the gauge
 */
export function recommend({ values, missing, unready }: Readings, target: number, present: number): number | undefined {
  if (values.length === 0) return undefined;
  const sum = values.reduce((total, value) => total + value, 0);
  const ratio = sum / values.length / target;
  // starting pods will take a share of the load
  const starting = ratio > 1 ? unready : 0;
  if (missing === 0 && starting === 0) {
    return withinTolerance(ratio) ? present : roundUp(ratio * values.length);
  }
  // the missing values, whatever they are, must not contradict the change
  const assumed = ratio < 1 ? missing * target : 0;
  const pods = values.length + missing + starting;
  const corrected = (sum + assumed) / pods / target;
  const turned = (ratio < 1 && corrected > 1) || (ratio > 1 && corrected < 1);
  if (withinTolerance(corrected) || turned) return present;
  const count = roundUp(corrected * pods);
  const opposite = (corrected < 1 && count > present) || (corrected > 1 && count < present);
  return opposite ? present : count;
}
