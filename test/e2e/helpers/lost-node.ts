/** Records, second by second, what is missing after a node is lost, and formats the results as a table. */
import { METRICS_SERVER } from "../../../modules/autoscaling/metrics-server";
import { app, config, isReady, kube, monitoring, specReplicas } from "./system";

export interface Loss {
  readonly engine: string;
  readonly node: string;
  /** For each Deployment that had a pod on the node: seconds until as many pods as before were Ready elsewhere. */
  readonly replaced: Readonly<Record<string, number>>;
  /** For each autoscaler: seconds until its metrics were available and stayed available; 0 if they always were. */
  readonly blind: Readonly<Record<string, number>>;
  /** Seconds until the API's autoscaler increased the number of pods; undefined if it did not. */
  readonly scaledOut?: number;
  readonly sent: number;
  readonly failed: number;
}

const namespaces = [app, monitoring, config.namespaces.keda, METRICS_SERVER.namespace];
const METRICS_SERVER_APP = "metrics-server";

/** The project's Deployments, with their numbers of desired and Ready pods; pods on `lost` count as not Ready. */
export async function deployments(lost: string | undefined) {
  const [all, pods] = await Promise.all([kube.list("deployments", "-A"), kube.list("pods", "-A")]);
  return all
    .filter(({ metadata: { namespace, name } }) => namespaces.includes(namespace!) && isOurs(namespace!, name))
    .map(({ metadata: { namespace, name }, spec }) => {
      const labels = Object.entries(spec.selector.matchLabels as Record<string, string>);
      const own = pods.filter(
        (pod) =>
          pod.metadata.namespace === namespace &&
          labels.every(([key, value]) => pod.metadata.labels?.[key] === value) &&
          isReady(pod) &&
          !pod.metadata.deletionTimestamp,
      );
      const ready = own.filter((pod) => pod.spec.nodeName !== lost).length;
      return { namespace: namespace!, name, wanted: spec.replicas as number, ready, onLost: own.length - ready };
    });
}

// kube-system also contains Deployments that are not the project's
const isOurs = (namespace: string, name: string) =>
  namespace !== METRICS_SERVER.namespace || name === METRICS_SERVER_APP;

/** Why an autoscaler does not work, or how many of its metrics it last read; undefined if it works. */
export function unread({ spec, status }: Awaited<ReturnType<typeof kube.list>>[number]): string | undefined {
  const active = (status?.conditions ?? []).find((c: { type: string }) => c.type === "ScalingActive");
  if (active?.status !== "True") return (active?.message as string | undefined) ?? "has not run yet";
  // an unreadable metric leaves an empty entry
  const read = ((status?.currentMetrics ?? []) as { type: string }[]).filter((metric) => metric.type).length;
  const wanted = (spec!.metrics as unknown[]).length;
  return read < wanted ? `reads ${read} of its ${wanted} metrics` : undefined;
}

/** Makes one observation per second. */
export class Timeline {
  private from = 0;
  private readonly lastMissing: Record<string, number> = {};
  private readonly lastBlind: Record<string, number> = {};
  private scaledOut: number | undefined;

  private constructor(
    private readonly node: string,
    private readonly wanted: Readonly<Record<string, number>>,
    private readonly apiPods: number,
  ) {}

  /** Records what is running on the node before it is lost. */
  static async before(node: string): Promise<Timeline> {
    const affected = (await deployments(node)).filter((d) => d.onLost > 0);
    const wanted = Object.fromEntries(affected.map((d) => [d.name, d.wanted]));
    return new Timeline(node, wanted, await specReplicas("deploy", "node"));
  }

  /** Watches for `seconds`, starting at `from` (ms since the epoch). */
  async watch(from: number, seconds: number): Promise<void> {
    this.from = from;
    while (Date.now() < from + seconds * 1000) {
      const next = Date.now() + 1000;
      await this.observe();
      await new Promise((resolve) => setTimeout(resolve, next - Date.now()));
    }
  }

  private async observe(): Promise<void> {
    const now = await deployments(this.node);
    const autoscalers = await kube.list("hpa", "-n", app);
    const at = (Date.now() - this.from) / 1000;
    for (const { name, ready } of now) if (ready < (this.wanted[name] ?? 0)) this.lastMissing[name] = at;
    for (const autoscaler of autoscalers) {
      const { name } = autoscaler.metadata;
      if (unread(autoscaler)) this.lastBlind[name] = at;
      else this.lastBlind[name] ??= 0;
    }
    if ((await specReplicas("deploy", "node")) > this.apiPods) this.scaledOut ??= at;
  }

  figures(): Pick<Loss, "replaced" | "blind" | "scaledOut"> {
    const replaced = Object.fromEntries(Object.keys(this.wanted).map((name) => [name, this.lastMissing[name] ?? 0]));
    const scaledOut = this.scaledOut === undefined ? {} : { scaledOut: this.scaledOut };
    return { replaced, blind: this.lastBlind, ...scaledOut };
  }
}

/** The results as a table: one row per loss, with the times of each component in seconds. */
export function lossTable(losses: readonly Loss[]): string {
  const seconds = (of: Readonly<Record<string, number>>) =>
    Object.entries(of)
      .sort(([, a], [, b]) => b - a)
      .map(([name, value]) => `${name} ${value.toFixed(0)}`)
      .join(", ");
  return [
    "| engine | node lost | seconds until the lost pods of each Deployment were replaced | seconds until each autoscaler could read its metrics again | seconds until the API was scaled out | requests failed |",
    "|---|---|---|---|---|---|",
    ...losses.map(
      ({ engine, node, replaced, blind, scaledOut, sent, failed }) =>
        `| ${engine} | ${node} | ${seconds(replaced)} | ${seconds(blind)} | ${scaledOut?.toFixed(0) ?? "never"} | ${failed} of ${sent} |`,
    ),
  ].join("\n");
}
