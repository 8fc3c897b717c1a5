/** The actions that make up the faults, and the system that they act on. */
import { now, type Period } from "../../test/helpers/history/record";
import { pause } from "../lib";
import type { Apis } from "./apis";
import { drop, type Rule } from "./network";
import type { Programs } from "./programs";
import { HaSystem, pidOf, type System } from "./system";

/** What a fault acts on. */
export interface World {
  readonly system: System;
  readonly apis: Apis;
  readonly programs: Programs;
  readonly between: (low: number, high: number) => number;
  readonly one: <T>(of: readonly T[]) => T;
  /** Periods in which main was suspended. */
  readonly frozen: Period[];
}

const pods = ({ system }: World) => Array.from({ length: system.size }, (_, i) => i);
export const others = (world: World, pod: number): number[] => pods(world).filter((i) => i !== pod);
const parts = ["redis", "sentinel"] as const;

/** Waits for `ms`, then calls `ends` to undo the fault's effects, even after an error. */
export async function during(ms: number, ...ends: (() => void)[]): Promise<void> {
  try {
    await pause(ms);
  } finally {
    for (const end of ends) end();
  }
}

/**
 * Suspends a pod's processes. Records the period if the pod is main, because its writes may take effect once it
 * resumes.
 */
export async function freeze(world: World, pod: number, ms: number): Promise<void> {
  const { system, frozen } = world;
  const isMain = system.main() === pod;
  const from = now();
  for (const part of parts) system.signal(pod, part, "SIGSTOP");
  await during(ms, () => {
    for (const part of parts) system.signal(pod, part, "SIGCONT");
    if (isMain) frozen.push({ from, to: now() });
  });
}

/** Slows an API process down by letting it run only in short bursts. */
export async function stall({ apis }: World, n: number, ms: number): Promise<void> {
  const end = Date.now() + ms;
  try {
    while (Date.now() < end) {
      apis.signal(n, "SIGSTOP");
      await pause(270);
      apis.signal(n, "SIGCONT");
      await pause(10);
    }
  } finally {
    apis.signal(n, "SIGCONT");
  }
}

/** Sends SIGTERM, then SIGKILL if the process is still running after its grace period. */
export async function terminate({ system }: World, pod: number, graceMs: number): Promise<void> {
  const pid = pidOf(system, pod, "redis");
  system.signal(pod, "redis", "SIGTERM");
  await pause(graceMs);
  if (pid !== undefined && pidOf(system, pod, "redis") === pid) system.signal(pod, "redis", "SIGKILL");
}

/** Runs the preStop hook, if there is one. */
export const handOver = async ({ system }: World, pod: number) => {
  if (system instanceof HaSystem) await system.handOver(pod);
};
/** Drops the traffic between Sentinels only: Redis and the API can still reach every pod. */
export const sentinelsApart = (world: World): (() => void)[] =>
  pods(world).map((i) =>
    drop(
      world.system.namespace(i),
      others(world, i).flatMap((j): Rule[] => [
        ["INPUT", "-s", world.system.address(j), "-p", "tcp", "--dport", "26379"],
        ["INPUT", "-s", world.system.address(j), "-p", "tcp", "--sport", "26379"],
      ]),
    ),
  );
export const failOver = ({ system, one }: World): void => {
  try {
    system.redisCli(one([0, 1, 2]), "-p", "26379", "SENTINEL", "FAILOVER", "main");
  } catch {
    // this Sentinel is busy with another failover, or has no replica to promote
  }
};
