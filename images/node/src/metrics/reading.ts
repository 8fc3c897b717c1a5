/** Reads the registry as text: all metrics, or only some by name. */
import type { Registry } from "prom-client";
import { Turns } from "./turns";

interface Result {
  /** All metrics, if a reader wanted them. */
  readonly all: string;
  /** Text by name, of the metrics that readers named. */
  readonly named: ReadonlyMap<string, string>;
}

/**
 * Each run computes only what its readers want. Scrapes for an autoscaler come twice a second and need a few gauges,
 * while Prometheus reads everything and rarely. Both share the turns, so that together they take no more than their share of the time.
 */
export class Reading {
  private wantsAll = false;
  private wanted = new Set<string>();
  private readonly turns = new Turns(() => this.run());
  private names: ReadonlySet<string> | undefined;

  constructor(private readonly registry: Registry) {}

  /** @param names the only metrics to compute; all of them if it is empty. Unknown names are left out */
  async text(names: readonly string[]): Promise<string> {
    if (names.length === 0) {
      this.wantsAll = true;
      return (await this.turns.next()).all;
    }
    // a name from a request must not reach the registry's plain object unless it is a metric
    this.names ??= new Set(this.registry.getMetricsAsArray().map((metric) => metric.name));
    const known = [...new Set(names)].filter((name) => this.names!.has(name));
    if (known.length === 0) return "";
    for (const name of known) this.wanted.add(name);
    const { named } = await this.turns.next();
    return `${known.map((name) => named.get(name)).join("\n\n")}\n`;
  }

  private async run(): Promise<Result> {
    const { wantsAll, wanted } = this;
    this.wantsAll = false;
    this.wanted = new Set();
    const named = new Map<string, string>();
    for (const name of wanted) named.set(name, await this.registry.getSingleMetricAsString(name));
    return { all: wantsAll ? await this.registry.metrics() : "", named };
  }
}
