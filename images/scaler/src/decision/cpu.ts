/** The count that CPU alone requires, according to the HorizontalPodAutoscaler's last evaluation. */
import type { AutoscalerView } from "../views";
import { roundUp, withinTolerance, working } from "./formula";

/**
 * The autoscaler does not publish this count, because `desiredReplicas` never falls while its scale-in is off. So this
 * function applies the autoscaler's formula to the means in its status.
 *
 * @param spare number of pods to require in addition
 * @returns undefined if any metric has no value; in this case no pods may be removed, as with the autoscaler itself
 */
export function cpuRecommendation({ active, replicas, utilizations }: AutoscalerView, spare = 0): number | undefined {
  if (!active || utilizations.length === 0) return undefined;
  const loaded = working(replicas, spare);
  let highest = 0;
  for (const utilization of utilizations) {
    if (utilization?.current === undefined || utilization.target <= 0) return undefined;
    const ratio = ((utilization.current / utilization.target) * replicas) / loaded;
    highest = Math.max(highest, withinTolerance(ratio) ? replicas : roundUp(ratio * loaded) + spare);
  }
  return highest;
}
