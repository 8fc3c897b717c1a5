/** Small helpers over the Grafana Foundation SDK: one look for every panel. */
import { DashboardBuilder, DatasourceVariableBuilder, RowBuilder } from "@grafana/grafana-foundation-sdk/dashboard";
import { DataqueryBuilder } from "@grafana/grafana-foundation-sdk/prometheus";
import { PanelBuilder as StatBuilder } from "@grafana/grafana-foundation-sdk/stat";
import { PanelBuilder as TimeseriesBuilder } from "@grafana/grafana-foundation-sdk/timeseries";

export interface Query {
  /** PromQL. */
  readonly expr: string;
  /** Legend, with {{label}} place holders. */
  readonly legend: string;
}

export interface PanelProps {
  readonly title: string;
  /** What the panel shows and when to worry. */
  readonly description: string;
  /** Grafana unit id, such as "s", "reqps", "percentunit", "bytes", "short". */
  readonly unit: string;
  readonly queries: readonly Query[];
  /**
   * Width, of 24.
   * @default 8
   */
  readonly width?: number;
}

const DATASOURCE = { type: "prometheus", uid: "${datasource}" };

const targets = (queries: readonly Query[]) =>
  queries.map((q, i) =>
    new DataqueryBuilder()
      .expr(q.expr)
      .legendFormat(q.legend)
      .refId(String.fromCharCode(65 + i))
      .datasource(DATASOURCE),
  );

/** Lines over time. */
export function timeseries(p: PanelProps): TimeseriesBuilder {
  const panel = new TimeseriesBuilder()
    .title(p.title)
    .description(p.description)
    .unit(p.unit)
    .min(0)
    .span(p.width ?? 8)
    .height(7)
    .datasource(DATASOURCE);
  for (const target of targets(p.queries)) panel.withTarget(target);
  return panel;
}

/** One figure, the latest. */
export function stat(p: PanelProps): StatBuilder {
  const panel = new StatBuilder()
    .title(p.title)
    .description(p.description)
    .unit(p.unit)
    .span(p.width ?? 4)
    .height(4)
    .datasource(DATASOURCE);
  for (const target of targets(p.queries)) panel.withTarget(target);
  return panel;
}

export interface DashboardProps {
  /** Fixed uid: links and tests go by it. */
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly rows: readonly { readonly title: string; readonly panels: readonly (TimeseriesBuilder | StatBuilder)[] }[];
}

/** A dashboard of rows, with a variable for the data source. */
export function dashboard(p: DashboardProps): object {
  const builder = new DashboardBuilder(p.title)
    .uid(p.uid)
    .description(p.description)
    .tags(["iacproject"])
    .refresh("10s")
    .time({ from: "now-30m", to: "now" })
    .timezone("browser")
    .withVariable(new DatasourceVariableBuilder("datasource").label("Data source").type("prometheus"));
  for (const row of p.rows) {
    builder.withRow(new RowBuilder(row.title));
    for (const panel of row.panels) builder.withPanel(panel);
  }
  return builder.build();
}
