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
 * The pods that the load may use: all except the spare ones. They share the load equally, so leaving some out of the
 * mean raises it as if they had none.
 */
export const working = (pods: number, spare: number): number => Math.max(1, pods - spare);

/**
 * @param present the present count
 * @param spare number of pods to recommend in addition to those that the load requires
 * @returns the recommended count, including the spare pods; undefined if no pod reported the gauge
 */
export function recommend(
  { values, missing, unready }: Readings,
  target: number,
  present: number,
  spare = 0,
): number | undefined {
  if (values.length === 0) return undefined;
  const sum = values.reduce((total, value) => total + value, 0);
  const loaded = working(values.length, spare);
  const ratio = sum / loaded / target;
  // a load that one pod can handle requires at least that pod
  const same = Math.max(present, 1 + spare);
  // starting pods will take a share of the load
  const starting = ratio > 1 ? unready : 0;
  if (missing === 0 && starting === 0) {
    return withinTolerance(ratio) ? same : roundUp(ratio * loaded) + spare;
  }
  // the missing values, whatever they are, must not contradict the change
  const assumed = ratio <= 1 ? missing * target : 0;
  const pods = working(values.length + missing + starting, spare);
  const corrected = (sum + assumed) / pods / target;
  const turned = (ratio < 1 && corrected > 1) || (ratio > 1 && corrected < 1);
  if (withinTolerance(corrected) || turned) return same;
  const count = roundUp(corrected * pods) + spare;
  const opposite = (corrected < 1 && count > present) || (corrected > 1 && count < present);
  return opposite ? present : count;
}
