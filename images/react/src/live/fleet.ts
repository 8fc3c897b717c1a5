/**
 * The API pods and the replicas that they read from, combined from the status of each pod, because each request reaches
 * a random pod. Rates are differences between counters of the same pod.
 */
import type { Status } from "../api";

/** Time in ms after which a pod that no longer answers is removed. */
export const FORGET_AFTER_MS = 15_000;
/** Time in ms for which a pod or replica is marked as new. */
const FRESH_MS = 10_000;
/** Minimum time in ms between two samples of one pod for computing a rate. */
const MIN_INTERVAL_MS = 900;

interface Sample {
  readonly at: number;
  readonly status: Status;
}
interface PodHistory {
  readonly firstAt: number;
  readonly samples: readonly Sample[];
}
/** The samples of each pod, by the server's id. */
export type Fleet = ReadonlyMap<string, PodHistory>;

export interface PodView {
  readonly id: string;
  readonly name: string;
  readonly perSecond: number | undefined;
  readonly fresh: boolean;
}
export interface ReplicaView {
  readonly name: string;
  /** The first state other than `serving` that a pod reports, or `serving`. */
  readonly state: string;
  readonly lagSeconds: number | undefined;
  readonly readsPerSecond: number;
  readonly fresh: boolean;
}
export interface FleetView {
  readonly pods: readonly PodView[];
  readonly replicas: readonly ReplicaView[];
  readonly perSecond: number;
  /** Undefined before the first answer. */
  readonly mainUp: boolean | undefined;
}

/** Adds new status responses and removes pods that no longer answer. @param at the current time in ms, always from the same clock */
export function withStatuses(fleet: Fleet, statuses: readonly Status[], at: number): Fleet {
  const next = new Map(fleet);
  for (const status of statuses) {
    const known = next.get(status.server.id);
    const last = known?.samples.at(-1);
    // enough samples to include one that is old enough for a comparison
    const kept = known?.samples.filter((s) => at - s.at < FORGET_AFTER_MS).slice(-8) ?? [];
    next.set(status.server.id, {
      firstAt: known?.firstAt ?? at,
      samples: last?.at === at ? kept : [...kept, { at, status }],
    });
  }
  for (const [id, { samples }] of next) if (at - samples.at(-1)!.at > FORGET_AFTER_MS) next.delete(id);
  return next;
}

/**
 * @param at the current time, in ms on the clock of {@link withStatuses}
 * @param since the time at which the page started watching, on the same clock
 */
export function view(fleet: Fleet, at: number, since: number): FleetView {
  const pods: PodView[] = [];
  const replicas = new Map<string, { states: string[]; lags: number[]; rate: number; firstAt: number }>();
  let mainUp: boolean | undefined;
  for (const [id, { firstAt, samples }] of fleet) {
    const now = samples.at(-1)!;
    const before = samples.findLast((s) => now.at - s.at >= MIN_INTERVAL_MS);
    const seconds = before ? (now.at - before.at) / 1000 : 0;
    const { server, requests } = now.status;
    pods.push({
      id,
      name: server.name,
      perSecond: before && (requests.answered - before.status.requests.answered) / seconds,
      fresh: firstAt - since > MIN_INTERVAL_MS && at - firstAt < FRESH_MS && server.uptimeSeconds < 120,
    });
    mainUp = mainUp || now.status.main.up;
    for (const { name, state, lagSeconds, reads } of now.status.replicas) {
      const entry = replicas.get(name) ?? { states: [], lags: [], rate: 0, firstAt: Infinity };
      entry.states.push(state);
      if (lagSeconds !== null) entry.lags.push(lagSeconds);
      const earlier = before?.status.replicas.find((r) => r.name === name);
      // a replica that the pod did not know at that time had not served any reads
      if (before) entry.rate += (reads - (earlier?.reads ?? 0)) / seconds;
      const firstSeen = samples.find((s) => s.status.replicas.some((r) => r.name === name))!.at;
      entry.firstAt = Math.min(entry.firstAt, firstSeen === samples[0]!.at ? firstAt : firstSeen);
      replicas.set(name, entry);
    }
  }
  return {
    pods: pods.sort((a, b) => (a.name < b.name ? -1 : 1)),
    replicas: [...replicas]
      .map(([name, { states, lags, rate, firstAt }]) => ({
        name,
        state: states.find((s) => s !== "serving") ?? "serving",
        lagSeconds: lags.length ? Math.max(...lags) : undefined,
        readsPerSecond: Math.max(0, rate),
        fresh: firstAt - since > MIN_INTERVAL_MS && at - firstAt < FRESH_MS,
      }))
      .sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true })),
    perSecond: pods.reduce((sum, pod) => sum + (pod.perSecond ?? 0), 0),
    mainUp,
  };
}
