/** A system of Redis pods without a cluster, in either mode, as the faults of the history benchmark use it. */
import type { ChildProcess } from "node:child_process";
import * as fs from "node:fs";
import { MEMBERS, Pods, POOL, type Member } from "../ledger/pods";
import { processes } from "./network";
import type { Programs } from "./programs";

export type PodPart = "redis" | "sentinel";

export interface System {
  readonly mode: "ha" | "safe";
  readonly dir: string;
  /** The switch's namespace, from which every pod is reachable. */
  readonly switchName: string;
  /** Number of pods. */
  readonly size: number;
  /** The environment variables of an API process. */
  readonly apiEnv: Readonly<Record<string, string>>;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** The pod that is main, or the first one if none is. */
  main(): number;
  address(pod: number): string;
  namespace(pod: number): string;
  podName(pod: number): string;
  /** The folder with a pod's volume. */
  volume(pod: number): string;
  /** Waits until every pod is healthy in its role. @throws after `seconds` */
  healthy(seconds: number): Promise<void>;
  signal(pod: number, part: PodPart, name: NodeJS.Signals): void;
  /** Kills a pod's processes for `ms`, and empties its volume if `volume` is "lost". */
  away(pod: number, ms: number, volume: "kept" | "lost"): Promise<void>;
  /** Cuts a pod's link, or restores it. */
  link(pod: number, state: "up" | "down"): void;
  /** Runs a program next to the switch. */
  outside(program: string, args: readonly string[], env?: NodeJS.ProcessEnv): ChildProcess;
  redisCli(pod: number, ...args: string[]): string;
  /** Commands that Redis has denied to the workloads' users. */
  refusals(): readonly string[];
}

/** The Redis or Sentinel process in a pod, if it is running. */
export function pidOf(system: System, pod: number, part: PodPart): number | undefined {
  return processes(system.namespace(pod)).find((pid) => {
    try {
      const line = fs.readFileSync(`/proc/${pid}/cmdline`, "latin1");
      return line.includes("redis-server") && line.includes("sentinel") === (part === "sentinel");
    } catch {
      return false;
    }
  });
}

/** The Sentinel group. */
export class HaSystem implements System {
  readonly mode = "ha";
  readonly switchName = "iac-ledger";
  readonly size = MEMBERS.length;
  private readonly pods = new Pods();

  constructor(programs: (dir: string) => Programs) {
    const clocks = programs(this.pods.dir);
    for (const i of MEMBERS) for (const part of ["redis", "sentinel"]) clocks.addClock(`${this.podName(i)}-${part}`);
  }

  get dir(): string {
    return this.pods.dir;
  }

  get apiEnv(): Record<string, string> {
    return {
      REDIS_SENTINELS: POOL.map((address) => `${address}:26379`).join(","),
      REDIS_COMMIT_COPIES: "1",
      REDIS_WRITE_PATIENCE_MS: "6000",
      REDIS_USER: "api-commit",
      REDIS_PASSWORD_FILE: this.pods.passwordFile("api-write"),
    };
  }

  start = (): Promise<void> => this.pods.start();
  stop = (): Promise<void> => this.pods.stop();
  main = (): number => this.pods.mains[0] ?? 0;
  address = (pod: number): string => POOL[pod]!;
  namespace = (pod: number): string => `iac-ledger-${pod}`;
  podName = (pod: number): string => `redis-main-${pod}`;
  volume = (pod: number): string => `${this.dir}/${pod}/data`;
  healthy = (seconds: number): Promise<void> => this.pods.healthy(seconds);
  signal = (pod: number, part: PodPart, name: NodeJS.Signals): void => this.pods.signal(pod as Member, part, name);
  away = (pod: number, ms: number, volume: "kept" | "lost"): Promise<void> => this.pods.away(pod as Member, ms, volume);
  link = (pod: number, state: "up" | "down"): void => this.pods.link(pod as Member, state);
  outside = (program: string, args: readonly string[], env?: NodeJS.ProcessEnv): ChildProcess =>
    this.pods.outside(program, args, env);
  redisCli = (pod: number, ...args: string[]): string => this.pods.redisCli(pod as Member, ...args);
  refusals = (): readonly string[] => this.pods.refusals();
  /** Runs the preStop hook, as a graceful shutdown does. */
  handOver = (pod: number): Promise<void> => this.pods.handOver(pod as Member);
}
