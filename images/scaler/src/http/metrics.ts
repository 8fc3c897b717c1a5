/** Prometheus metrics, per workload. */
import { Counter, Gauge, Registry } from "prom-client";
import { BLOCKS, HOLDS, type WorkloadScaler } from "../scaling/workload";
import type { Scaler } from "../scaling/scaler";

export class Metrics {
  readonly registry = new Registry();
  private readonly registers = [this.registry];

  constructor(private readonly scaler: Scaler) {
    new Gauge({
      name: "scaler_leader",
      help: "Whether this process holds the Lease and therefore makes the decisions",
      registers: this.registers,
      collect() {
        this.set(scaler.isLeader ? 1 : 0);
      },
    });
    this.perWorkload("scaler_present_pods", "Replica count in the workload's spec", (w) => w.present);
    this.perWorkload(
      "scaler_recommended_pods",
      "Replica count that the gauges alone require, including the spare pods",
      (w) => w.recommended,
    );
    this.perWorkload(
      "scaler_wanted_pods",
      "Replica count after the window, the policies and the bounds",
      (w) => w.wanted,
    );
    this.perWorkload("scaler_gauges_age_seconds", "Time since every Ready pod last reported every gauge", (w) =>
      w.completeAt === undefined ? undefined : (performance.now() - w.completeAt) / 1000,
    );
    this.counts("scaler_decisions_total", "Replica count changes that were written", "direction", (w) =>
      Object.entries(w.decisions),
    );
    this.counts("scaler_gauges_rejected_total", "Gauge values that were rejected", "metric", (w) =>
      w.target.signals.map(({ metric }) => [metric, w.gauges.rejected.get(metric) ?? 0]),
    );
    new Gauge({
      name: "scaler_held",
      help: "Whether scaling is held back, by reason",
      labelNames: ["workload", "reason"] as const,
      registers: this.registers,
      collect() {
        this.reset();
        for (const { target, block } of scaler.workloads) {
          for (const reason of [...BLOCKS, ...HOLDS])
            this.set({ workload: target.workload, reason }, block === reason ? 1 : 0);
        }
      },
    });
  }

  private perWorkload(name: string, help: string, value: (workload: WorkloadScaler) => number | undefined): void {
    const { scaler } = this;
    new Gauge({
      name,
      help,
      labelNames: ["workload"] as const,
      registers: this.registers,
      collect() {
        this.reset();
        for (const workload of scaler.workloads) {
          const now = value(workload);
          if (now !== undefined) this.set({ workload: workload.target.workload }, now);
        }
      },
    });
  }

  private counts(
    name: string,
    help: string,
    label: string,
    values: (workload: WorkloadScaler) => readonly (readonly [string, number])[],
  ): void {
    const { scaler } = this;
    new Counter({
      name,
      help,
      labelNames: ["workload", label],
      registers: this.registers,
      collect() {
        this.reset();
        for (const workload of scaler.workloads) {
          for (const [each, count] of values(workload)) {
            this.inc({ workload: workload.target.workload, [label]: each }, count);
          }
        }
      },
    });
  }
}
