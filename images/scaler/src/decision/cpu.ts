/** The count that CPU alone asks for, according to the HorizontalPodAutoscaler's last evaluation. */
import type { AutoscalerView } from "../views";
import { roundUp, withinTolerance } from "./formula";

/**
 * The autoscaler does not publish this count: with its scale-in off, `desiredReplicas` never falls. So it is computed from the
 * means in its status, with its formula.
 *
 * @returns undefined if any of its metrics has no value: then nothing may be removed, as with the autoscaler itself
 */
export function cpuRecommendation({ active, replicas, utilizations }: AutoscalerView): number | undefined {
  if (!active || utilizations.length === 0) return undefined;
  let highest = 0;
  for (const utilization of utilizations) {
    if (utilization?.current === undefined || utilization.target <= 0) return undefined;
    const ratio = utilization.current / utilization.target;
    highest = Math.max(highest, withinTolerance(ratio) ? replicas : roundUp(ratio * replicas));
  }
  return highest;
}
