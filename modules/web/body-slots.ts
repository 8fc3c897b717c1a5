/** How many requests with a body the front passes on, and therefore how many bodies each API pod lets arrive. */
import type { Config } from "../../config";
import { maxPods } from "../kubernetes/sizing";
import { parseQuantity } from "../kubernetes/quantity";

/** Bytes of memory for each connection of a front pod, and its highest number of connections (40-render.sh). */
const [CONNECTION_BYTES, MAX_CONNECTIONS] = [20_480, 16_384] as const;

/** Number of requests with a body that one front pod passes on at the same time, as 40-render.sh computes it. */
export function bodySlots({ react }: Pick<Config, "react">): number {
  const connections = Math.floor(Math.floor(parseQuantity(react.resources.memoryLimit)) / CONNECTION_BYTES);
  const requests = Math.min(1024, Math.floor(Math.min(connections, MAX_CONNECTIONS) / 4));
  return Math.floor((requests * 3) / 4);
}

/**
 * Number of bodies that may be arriving at one API pod. Above it, the pod rejects the slowest. All API pods together let
 * fewer arrive than one front pod passes on, so that slow bodies never use up a front pod's slots.
 */
export const bodiesPerApiPod = (config: Config): number =>
  Math.min(config.node.maxInFlight, Math.max(4, Math.floor((bodySlots(config) * 0.8) / maxPods(config, "node"))));
