/** A Deployment in a fake cluster: its pods start and stop according to its count, and share a load. */
import { readConfig, type ScalerConfig } from "../../src/config";
import { FakeApi, type KubernetesObject } from "./fake-api";
import { FakePod } from "./network";

export const METRIC = "http_requests_per_second";
const LABELS = { app: "node" };

export class FakeCluster {
  readonly api = new FakeApi();
  readonly pods = new Map<string, FakePod>();
  /** Total load, shared by all Ready pods. */
  load = 0;
  /** Time from a pod's creation until it is Ready, ms. */
  startMs = 50;
  private made = 0;
  private ended = false;

  async start(replicas: number): Promise<this> {
    await this.api.start();
    this.api.put("deployments", { metadata: { name: "node", labels: LABELS }, spec: { replicas } });
    this.setAutoscaler({});
    await this.reconcile();
    const put = this.api.put.bind(this.api);
    this.api.put = (kind, object) => {
      const found = put(kind, object);
      if (kind === "deployments") setImmediate(() => void this.reconcile());
      return found;
    };
    return this;
  }

  async stop(): Promise<void> {
    this.ended = true;
    await this.api.stop();
    await Promise.all([...this.pods.values()].map((pod) => pod.stop()));
  }

  config(more: object = {}, target: object = {}, env: Record<string, string> = {}): ScalerConfig {
    return readConfig({ ...this.api.env, ...this.env(more, target), ...env });
  }

  env(more: object = {}, target: object = {}): Record<string, string> {
    const targets = [
      { workload: "node", selector: "app=node", port: 3000, signals: [{ metric: METRIC, target: 100 }], ...target },
    ];
    return {
      POD_NAME: "scaler-1",
      SCALER_CONFIG: JSON.stringify({ namespace: "test", tickMs: 100, targets, ...more }),
    };
  }

  get replicas(): number {
    return this.api.get("deployments", "node")!.spec!["replicas"] as number;
  }
  set replicas(replicas: number) {
    const object = this.api.get("deployments", "node")!;
    this.api.put("deployments", { ...object, spec: { ...object.spec, replicas } });
  }

  /** Every count that the scaler has written. */
  get writes(): readonly number[] {
    return this.api
      .requests("PATCH", "/scale")
      .filter(({ status }) => status === 200)
      .map(({ body }) => (body as { spec: { replicas: number } }).spec.replicas);
  }

  setAutoscaler({
    min = 1,
    max = 10,
    cpu = 0,
    active = true,
    replicas = 1,
  }: Partial<Record<"min" | "max" | "cpu" | "replicas", number>> & { active?: boolean }): void {
    const source = (more: object) => ({
      type: "ContainerResource",
      containerResource: { name: "cpu", container: "node", ...more },
    });
    this.api.put("horizontalpodautoscalers", {
      metadata: { name: "node" },
      spec: {
        minReplicas: min,
        maxReplicas: max,
        metrics: [source({ target: { type: "Utilization", averageUtilization: 60 } })],
      },
      status: {
        currentReplicas: replicas,
        conditions: [{ type: "ScalingActive", status: active ? "True" : "False" }],
        currentMetrics: [source({ current: { averageUtilization: cpu, averageValue: "1m" } })],
      },
    });
  }

  get ready(): readonly FakePod[] {
    return [...this.pods].filter(([name]) => isReady(this.api.get("pods", name)!)).map(([, pod]) => pod);
  }

  /** Creates and removes pods until there are as many as the Deployment specifies. */
  private async reconcile(): Promise<void> {
    while (!this.ended && this.pods.size < this.replicas) {
      const id = ++this.made;
      const pod = new FakePod(`10.0.0.${id}`);
      const name = `node-${id}`;
      this.pods.set(name, pod);
      pod.text = () => `# TYPE ${METRIC} gauge\n${METRIC} ${this.load / this.ready.length}\n`;
      this.setPod(name, false);
      await pod.start();
      setTimeout(() => this.pods.has(name) && !this.ended && this.setPod(name, true), this.startMs);
    }
    while (this.pods.size > this.replicas) {
      const [name, pod] = [...this.pods].at(-1)!;
      this.pods.delete(name);
      this.api.remove("pods", name);
      await pod.stop();
    }
  }

  setPod(name: string, ready: boolean, more: Partial<KubernetesObject["metadata"]> = {}): void {
    this.api.put("pods", {
      metadata: { name, uid: `uid-${name}`, labels: LABELS, ...more },
      status: {
        phase: "Running",
        podIP: this.pods.get(name)!.ip,
        conditions: [{ type: "Ready", status: ready ? "True" : "False" }],
      },
    });
  }
}

const isReady = ({ status }: KubernetesObject): boolean =>
  (status?.["conditions"] as { status: string }[])[0]!.status === "True";
