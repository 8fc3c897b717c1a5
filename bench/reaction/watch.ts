/** Records pod events as they happen, by watches and pod proxies through a single `kubectl proxy`. */
import { spawn, type ChildProcess } from "node:child_process";
import { clusterFlags, type KubeObject } from "../../scripts/cluster/kubectl";
import { isReady, app, config } from "../../test/e2e/helpers/system";
import { pause } from "../lib";

/** Times of the events in a pod's life, in ms since the epoch. */
export interface PodTimes {
  readonly name: string;
  readonly created: number;
  ready?: number;
  /** When the pod answered its first request. */
  served?: number;
  gone?: number;
}

export class Watcher {
  readonly pods = new Map<string, PodTimes>();
  /** Desired pods over time: the replica count that the autoscaler set. */
  readonly wanted: { readonly at: number; readonly count: number }[] = [];
  private proxy: ChildProcess | undefined;
  private address = "";
  private readonly stopped = new AbortController();

  /** @param component a component name from catalog/names.ts */
  constructor(private readonly component: "node" | "redis-replica") {}

  async start(): Promise<this> {
    this.proxy = spawn("kubectl", [...clusterFlags(config), "proxy", "--port=0"]);
    this.address = await new Promise<string>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error("no kubectl proxy within 20 s")), 20_000);
      this.proxy!.stdout!.on("data", (chunk: Buffer) => {
        const port = /127\.0\.0\.1:(\d+)/.exec(chunk.toString())?.[1];
        if (!port) return;
        clearTimeout(timer);
        resolve(`http://127.0.0.1:${port}`);
      });
    });
    void this.follow(
      `/api/v1/namespaces/${app}/pods?watch=1&labelSelector=app.kubernetes.io/name=${this.component}`,
      (type, pod) => this.podChanged(type, pod),
    );
    if (this.component !== "node") return this;
    void this.follow(`/apis/apps/v1/namespaces/${app}/deployments?watch=1&fieldSelector=metadata.name=node`, (_, d) => {
      const count = d.spec?.replicas;
      if (count !== undefined && this.wanted.at(-1)?.count !== count) this.wanted.push({ at: Date.now(), count });
    });
    return this;
  }

  stop(): void {
    this.stopped.abort();
    this.proxy?.kill();
  }

  get(path: string): Promise<Response> {
    return fetch(`${this.address}${path}`, { signal: AbortSignal.timeout(5000) });
  }

  /** Pods that are Ready now. */
  get ready(): PodTimes[] {
    return [...this.pods.values()].filter((p) => p.ready && !p.gone);
  }

  private async follow(path: string, each: (type: string, object: KubeObject) => void): Promise<void> {
    // the server closes a watch after a while; the next one starts with the existing objects
    while (!this.stopped.signal.aborted) {
      try {
        const response = await fetch(`${this.address}${path}`, { signal: this.stopped.signal });
        let rest = "";
        for await (const chunk of response.body!.pipeThrough(
          new TextDecoderStream(),
        ) as unknown as AsyncIterable<string>) {
          const lines = (rest + chunk).split("\n");
          rest = lines.pop()!;
          for (const line of lines) {
            const { type, object } = JSON.parse(line) as { type: string; object: KubeObject };
            each(type, object);
          }
        }
      } catch {
        await pause(200);
      }
    }
  }

  private podChanged(type: string, pod: KubeObject): void {
    const { name } = pod.metadata;
    let times = this.pods.get(name);
    if (!times) {
      this.pods.set(name, (times = { name, created: Date.now() }));
      if (this.component === "node") void this.firstServed(times);
    }
    if (isReady(pod)) times.ready ??= Date.now();
    if (type === "DELETED" || pod.metadata.deletionTimestamp) times.gone ??= Date.now();
  }

  /** Polls the pod's status until the pod has answered a request from another client. */
  private async firstServed(times: PodTimes): Promise<void> {
    const path = `/api/v1/namespaces/${app}/pods/${times.name}:3000/proxy/status`;
    while (!times.gone && !this.stopped.signal.aborted) {
      const answered = await this.get(path)
        .then(async (r) => ((await r.json()) as { requests: { answered: number } }).requests.answered)
        .catch(() => 0);
      if (answered > 0) {
        times.served = Date.now();
        return;
      }
      // the interval matters only once the pod is running
      await pause(times.ready ? 50 : 300);
    }
  }
}
