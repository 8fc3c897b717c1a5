/** The gauges of all pods in a workload. */
import * as http from "node:http";
import type { Target } from "../config";
import { log } from "../log";
import { PodGauges, type Source } from "./pod";

/** A connection that carries no request for this time is closed. */
const IDLE_MS = 10_000;

/** A pod whose gauges are read. */
export interface Address {
  readonly uid: string;
  readonly name: string;
  readonly ip: string;
}

export class GaugeReader {
  /** Number of rejected values, by metric. */
  readonly rejected = new Map<string, number>();
  private readonly pods = new Map<string, PodGauges>();
  /** Rejections that were already logged; each is logged only once. */
  private readonly reported = new Set<string>();
  private readonly source: Source;

  constructor(private readonly target: Pick<Target, "workload" | "port" | "path" | "signals">) {
    // servers that do not support the parameter return all their metrics
    const query = target.signals.map(({ metric }) => `name[]=${metric}`).join("&");
    this.source = {
      ...target,
      path: `${target.path}?${query}`,
      // the timeout also closes connections to pods that no longer exist
      agent: new http.Agent({ keepAlive: true, maxSockets: 1, timeout: IDLE_MS }),
      rejected: (pod, metric, value) => this.reject(pod, metric, value),
    };
  }

  /**
   * Reads the gauges of these pods, and forgets all others.
   *
   * @param waitMs how long to wait for pods that have not answered yet
   */
  async read(addresses: readonly Address[], waitMs: number): Promise<void> {
    const keys = new Set(addresses.map(key));
    for (const [known, pod] of this.pods) {
      if (keys.has(known)) continue;
      pod.stop();
      this.pods.delete(known);
      for (const each of this.reported) if (each.startsWith(`${pod.name}/`)) this.reported.delete(each);
    }
    const reads = addresses.map((address) => {
      let pod = this.pods.get(key(address));
      if (!pod) this.pods.set(key(address), (pod = new PodGauges(address.name, address.ip, this.source)));
      return pod.read();
    });
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<void>((resolve) => (timer = setTimeout(resolve, waitMs)));
    await Promise.race([Promise.all(reads), timeout]);
    clearTimeout(timer);
  }

  /** The value of a pod's metric; undefined if it is missing. */
  value(address: Address, metric: string, now: number): number | undefined {
    return this.pods.get(key(address))?.value(metric, now);
  }

  stop(): void {
    for (const pod of this.pods.values()) pod.stop();
    this.pods.clear();
    this.source.agent.destroy();
  }

  private reject(pod: string, metric: string, value: number): void {
    this.rejected.set(metric, (this.rejected.get(metric) ?? 0) + 1);
    const id = `${pod}/${metric}`;
    if (this.reported.has(id)) return;
    this.reported.add(id);
    const { workload, signals } = this.target;
    const limit = signals.find((signal) => signal.metric === metric)?.limit;
    log("warn", "gauge value rejected", { workload, pod, metric, value: String(value), expected: `0 to ${limit}` });
  }
}

const key = ({ uid, ip }: Address): string => `${uid}/${ip}`;
