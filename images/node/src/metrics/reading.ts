/** Reads the registry as text: either all metrics, or only the named ones. */
import type { Registry } from "prom-client";
import { Turns } from "./turns";

interface Result {
  /** All metrics, if a reader requested them; otherwise empty. */
  readonly all: string;
  /** The text of each metric that a reader named, by name. */
  readonly named: ReadonlyMap<string, string>;
}

/**
 * Each run computes only what its readers requested. An autoscaler reads a few gauges twice a second, whereas Prometheus
 * reads all metrics, but rarely. They share the turns, so together they never exceed the share of time allotted to
 * metrics.
 */
export class Reading {
  private wantsAll = false;
  private wanted = new Set<string>();
  private readonly turns = new Turns(() => this.run());
  private names: ReadonlySet<string> | undefined;

  constructor(private readonly registry: Registry) {}

  /** @param names names of the metrics to compute; if empty, all metrics. Unknown names are ignored */
  async text(names: readonly string[]): Promise<string> {
    if (names.length === 0) {
      this.wantsAll = true;
      return (await this.turns.next()).all;
    }
    // look up only names of metrics: the registry is a plain object, so a name such as `constructor` would match
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
