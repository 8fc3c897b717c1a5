/** A scaler in a fake cluster that has four pods, each at its target. */
import { Scaler } from "../../src/scaling/scaler";
import type { WorkloadScaler } from "../../src/scaling/workload";
import { eventually } from "./eventually";
import { FakeCluster } from "./fake-cluster";
import type { FakePod } from "./network";

/** The window is very short, so that only a fault prevents the removal of pods. */
const EAGER = { scaleDownWindowSeconds: 1, scaleDown: { percent: 100, pods: 10, periodSeconds: 1 } };

export class Running {
  readonly cluster = new FakeCluster();
  private found: Scaler | undefined;

  async start(): Promise<this> {
    await this.cluster.start(4);
    this.cluster.load = 400;
    this.found = new Scaler(this.cluster.config({}, EAGER));
    this.found.start();
    await eventually("gauges", () => this.workload.recommended === 4);
    return this;
  }

  async stop(): Promise<void> {
    await this.found?.stop();
    await this.cluster.stop();
  }

  get scaler(): Scaler {
    return this.found!;
  }

  get workload(): WorkloadScaler {
    return this.scaler.workloads[0]!;
  }

  everyPod(change: (pod: FakePod) => void): void {
    [...this.cluster.pods.values()].forEach(change);
  }

  /** Resolves once the replica count is `count`. */
  soon(count: number): Promise<void> {
    return eventually(`${count} pods`, () => this.cluster.replicas === count);
  }

  heldFor(reason: string): Promise<void> {
    return eventually(`held: ${reason}`, () => this.workload.block === reason);
  }
}
