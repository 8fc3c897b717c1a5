/** How far a count may change at once, computed as the HorizontalPodAutoscaler does with `selectPolicy: Max`. */
import type { Policy } from "../config";
import { roundUp } from "./formula";

/** Changes that this process has made to the count. */
export class ScaleEvents {
  private events: { readonly at: number; readonly change: number }[] = [];

  constructor(private readonly longestMs: number) {}

  add(at: number, change: number): void {
    this.events = this.events.filter((event) => event.at > at - this.longestMs);
    this.events.push({ at, change });
  }

  /** Pods added minus pods removed within the last `ms`. */
  since(now: number, ms: number): number {
    return this.events.reduce((sum, { at, change }) => (at > now - ms ? sum + change : sum), 0);
  }
}

/** The highest count that is allowed now. */
export function highestAllowed(present: number, events: ScaleEvents, policy: Policy, now: number): number {
  const start = present - events.since(now, policy.periodSeconds * 1000);
  return Math.max(present, start + policy.pods, roundUp(start * (1 + policy.percent / 100)));
}

/** The lowest count that is allowed now. */
export function lowestAllowed(present: number, events: ScaleEvents, policy: Policy, now: number): number {
  const start = present - events.since(now, policy.periodSeconds * 1000);
  return Math.min(present, start - policy.pods, Math.floor(start * (1 - policy.percent / 100) + 1e-9));
}
