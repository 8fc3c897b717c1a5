/**
 * The API's pods and the replicas they read from, put together from answers of single pods: each
 * question reaches one of them by chance. Rates are differences of counts of the same pod.
 */
import type { Status } from "../api";

/** A pod that did not answer for so long is taken for gone, ms. */
export const FORGOTTEN_MS = 15_000;
/** For so long it is shown as new, ms. */
const FRESH_MS = 10_000;
/** Two answers of one pod closer than this say nothing about its rate, ms. */
const LEAST_MS = 900;

interface Sample {
  readonly at: number;
  readonly status: Status;
}
interface Known {
  readonly firstAt: number;
  readonly samples: readonly Sample[];
}
/** What was heard from each pod, by the server's id. */
export type Fleet = ReadonlyMap<string, Known>;

export interface PodView {
  readonly id: string;
  readonly name: string;
  readonly perSecond: number | undefined;
  readonly fresh: boolean;
}
export interface ReplicaView {
  readonly name: string;
  /** The worst that a pod says of it. */
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

/** Takes answers in, and forgets pods that have been silent. @param at ms, of one clock */
export function heard(fleet: Fleet, statuses: readonly Status[], at: number): Fleet {
  const next = new Map(fleet);
  for (const status of statuses) {
    const known = next.get(status.server.id);
    const last = known?.samples.at(-1);
    // the newest and the one before it that is old enough to compare with
    const kept = known?.samples.filter((s) => at - s.at < FORGOTTEN_MS).slice(-8) ?? [];
    next.set(status.server.id, {
      firstAt: known?.firstAt ?? at,
      samples: last?.at === at ? kept : [...kept, { at, status }],
    });
  }
  for (const [id, { samples }] of next) if (at - samples.at(-1)!.at > FORGOTTEN_MS) next.delete(id);
  return next;
}

/** @param at ms, of the clock that {@link heard} was given; @param since when the page began to watch */
export function view(fleet: Fleet, at: number, since: number): FleetView {
  const pods: PodView[] = [];
  const replicas = new Map<string, { states: string[]; lags: number[]; rate: number; firstAt: number }>();
  let mainUp: boolean | undefined;
  for (const [id, { firstAt, samples }] of fleet) {
    const now = samples.at(-1)!;
    const before = samples.findLast((s) => now.at - s.at >= LEAST_MS);
    const seconds = before ? (now.at - before.at) / 1000 : 0;
    const { server, requests } = now.status;
    pods.push({
      id,
      name: server.name,
      perSecond: before && (requests.answered - before.status.requests.answered) / seconds,
      fresh: firstAt - since > LEAST_MS && at - firstAt < FRESH_MS && server.uptimeSeconds < 120,
    });
    mainUp = mainUp || now.status.main.up;
    for (const { name, state, lagSeconds, reads } of now.status.replicas) {
      const entry = replicas.get(name) ?? { states: [], lags: [], rate: 0, firstAt: Infinity };
      entry.states.push(state);
      if (lagSeconds !== null) entry.lags.push(lagSeconds);
      const earlier = before?.status.replicas.find((r) => r.name === name);
      // one that the pod did not know then had answered nothing
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
        fresh: firstAt - since > LEAST_MS && at - firstAt < FRESH_MS,
      }))
      .sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true })),
    perSecond: pods.reduce((sum, pod) => sum + (pod.perSecond ?? 0), 0),
    mainUp,
  };
}
