/**
 * A histogram with cheap observations: labels are resolved once per series. prom-client hashes them on every
 * observation, which costs more than all other metrics together (`npm run bench -- api`). It registers with
 * prom-client, which formats the output.
 */
import type { MetricObject, MetricValue, Registry } from "prom-client";

export class Series {
  readonly counts: Float64Array;
  sum = 0;
  count = 0;

  constructor(
    readonly labels: Readonly<Record<string, string>>,
    private readonly bounds: readonly number[],
  ) {
    this.counts = new Float64Array(bounds.length);
  }

  observe(value: number): void {
    const { bounds } = this;
    let i = 0;
    while (i < bounds.length && value > bounds[i]!) i++;
    if (i < bounds.length) this.counts[i]!++;
    this.sum += value;
    this.count++;
  }
}

export class FastHistogram {
  private readonly all: Series[] = [];

  constructor(
    private readonly options: { readonly name: string; readonly help: string; readonly buckets: readonly number[] },
    registry: Registry,
  ) {
    // the registry only uses name and get()
    registry.registerMetric(this as unknown as Parameters<Registry["registerMetric"]>[0]);
  }

  get name(): string {
    return this.options.name;
  }

  series(labels: Readonly<Record<string, string>>): Series {
    const series = new Series(labels, this.options.buckets);
    this.all.push(series);
    return series;
  }

  get(): MetricObject & { values: MetricValue<string>[] } {
    const { name, help, buckets } = this.options;
    const values = this.all.flatMap((series) => {
      let sum = 0;
      const { labels } = series;
      return [
        ...buckets.map((le, i) => ({
          metricName: `${name}_bucket`,
          labels: { le: String(le), ...labels },
          value: (sum += series.counts[i]!),
        })),
        { metricName: `${name}_bucket`, labels: { le: "+Inf", ...labels }, value: series.count },
        { metricName: `${name}_sum`, labels, value: series.sum },
        { metricName: `${name}_count`, labels, value: series.count },
      ];
    });
    // prom-client types this as a numeric enum, but prints the string unchanged
    return { name, help, type: "histogram", aggregator: "sum", values } as unknown as ReturnType<FastHistogram["get"]>;
  }
}
