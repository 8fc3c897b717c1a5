/** Metrics of individual pods, read directly and often, because Prometheus' scrape interval is too long. */
import { spawn, type ChildProcess } from "node:child_process";
import { clusterFlags } from "../../../scripts/cluster/kubectl";
import type { EndpointSlice } from "../../../images/node/src/discovery/endpoint-slices";
import { config, kube } from "./system";

/** Values by pod and series at one point in time. */
export interface Sample {
  readonly at: number;
  readonly pods: ReadonlyMap<string, ReadonlyMap<string, number>>;
}

const PORT = 3000;

export class PodMetrics {
  readonly samples: Sample[] = [];
  private readonly children: ChildProcess[] = [];
  private readonly stopped = new AbortController();
  private readonly addresses = new Map<string, string>();
  private timer: NodeJS.Timeout | undefined;

  private constructor(private readonly namespace: string) {}

  /** Reads the metrics of each pod of a component every `ms`, through a port-forward, while `use` runs. */
  static async during<T>(
    namespace: string,
    component: string,
    ms: number,
    use: (metrics: PodMetrics) => Promise<T>,
  ): Promise<T> {
    const metrics = new PodMetrics(namespace);
    try {
      const pods = await kube.list("pods", "-n", namespace, "-l", `app.kubernetes.io/name=${component}`);
      await Promise.all(pods.map((pod) => metrics.forward(pod.metadata.name as string)));
      await metrics.sample();
      metrics.timer = setInterval(() => void metrics.sample(), ms);
      return await use(metrics);
    } finally {
      clearInterval(metrics.timer);
      metrics.stopped.abort();
      for (const child of metrics.children) child.kill();
    }
  }

  get pods(): string[] {
    return [...this.addresses.keys()];
  }

  /** The last sample not after `at`. */
  at(at: number): Sample {
    return this.samples.findLast((s) => s.at <= at) ?? this.samples[0]!;
  }

  /** A metric's growth per second, summed over all pods and measured over about the last second. */
  async rate(metric: string): Promise<number> {
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const [a, b] = [this.at(Date.now() - 1000), this.samples.at(-1)!];
    const total = (s: Sample) =>
      [...s.pods.values()]
        .flatMap((v) => [...v].filter(([n]) => n.startsWith(metric)).map(([, x]) => x))
        .reduce((x, y) => x + y, 0);
    return ((total(b) - total(a)) / Math.max(1, b.at - a.at)) * 1000;
  }

  /** When an instance's series first exceeded a value, in ms since the epoch. */
  firstAbove(metric: string, instance: string, value: number): number {
    const found = this.samples.find((s) =>
      [...s.pods.values()].some((v) => (v.get(`${metric}{instance_name="${instance}"}`) ?? 0) > value),
    );
    return found?.at ?? NaN;
  }

  /**
   * When each endpoint of a Service was first seen to be ready, in ms since the epoch. Keeps watching until
   * {@link during} ends.
   */
  async watchReady(service: string): Promise<Map<string, number>> {
    const ready = new Map<string, number>();
    const address = await this.spawn(["proxy", "--port=0"], /127\.0\.0\.1:(\d+)/, "kubectl proxy");
    const url = `${address}/apis/discovery.k8s.io/v1/namespaces/${this.namespace}/endpointslices`;
    const query = `?watch=true&labelSelector=kubernetes.io/service-name=${service}`;
    const response = await fetch(url + query, { signal: this.stopped.signal });
    const follow = async () => {
      let rest = "";
      for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
        const lines = (rest + chunk).split("\n");
        rest = lines.pop()!;
        for (const line of lines) {
          const { object } = JSON.parse(line) as { object: EndpointSlice };
          for (const { conditions, targetRef } of object.endpoints ?? []) {
            const name = targetRef?.name ?? "";
            if (conditions?.ready && !ready.has(name)) ready.set(name, Date.now());
          }
        }
      }
    };
    follow().catch(() => undefined);
    return ready;
  }

  private async sample(): Promise<void> {
    const at = Date.now();
    const pods = new Map<string, ReadonlyMap<string, number>>();
    await Promise.all(
      [...this.addresses].map(async ([pod, address]) => {
        const text = await fetch(`${address}/metrics`, { signal: AbortSignal.timeout(2000) }).then(
          (r) => r.text(),
          () => "",
        );
        const values = new Map<string, number>();
        let requests = 0;
        for (const line of text.split("\n")) {
          if (line.startsWith("redis_pool_reads_total{")) {
            const [name, value] = line.split(" ");
            values.set(name!, Number(value));
          } else if (/^http_request_duration_seconds_count\{.*route="\/item"/.test(line)) {
            requests += Number(line.split(" ").at(-1));
          }
        }
        values.set("http_requests", requests);
        if (text) pods.set(pod, values);
      }),
    );
    // a sample that lacks one of the pods would look like a counter reset
    if (pods.size === this.addresses.size) this.samples.push({ at, pods });
  }

  private async forward(pod: string): Promise<void> {
    const args = ["-n", this.namespace, "port-forward", `pod/${pod}`, `:${PORT}`];
    this.addresses.set(pod, await this.spawn(args, /127\.0\.0\.1:(\d+)/, `port-forward to ${pod}`));
  }

  /** Starts a kubectl process that keeps running, and returns the local address that it prints. */
  private spawn(args: string[], port: RegExp, what: string): Promise<string> {
    const child = spawn("kubectl", [...clusterFlags(config), ...args]);
    this.children.push(child);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no ${what} within 20 s`)), 20_000);
      child.stdout.on("data", (chunk: Buffer) => {
        const local = port.exec(chunk.toString())?.[1];
        if (!local) return;
        clearTimeout(timer);
        resolve(`http://127.0.0.1:${local}`);
      });
    });
  }
}
