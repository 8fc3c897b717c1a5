/** Helpers over the Grafana Foundation SDK that give every panel the same look. */
import { PART_OF } from "../catalog/names";
import { GraphThresholdsStyleConfigBuilder, GraphThresholdsStyleMode } from "@grafana/grafana-foundation-sdk/common";
import {
  AnnotationQueryBuilder,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  VariableRefresh,
} from "@grafana/grafana-foundation-sdk/dashboard";
import { DataqueryBuilder } from "@grafana/grafana-foundation-sdk/prometheus";
import { PanelBuilder as StatBuilder } from "@grafana/grafana-foundation-sdk/stat";
import { PanelBuilder as TimeseriesBuilder } from "@grafana/grafana-foundation-sdk/timeseries";

export interface Query {
  /** PromQL; `$namespace` stands for the application's namespace. */
  readonly expr: string;
  /** Legend, with {{label}} placeholders. */
  readonly legend: string;
}

export interface PanelProps {
  readonly title: string;
  /** What the panel shows, and which values indicate a problem. */
  readonly description: string;
  /** Grafana unit id, such as "s", "reqps", "percentunit", "bytes", "short". */
  readonly unit: string;
  readonly queries: readonly Query[];
  /** Width in columns, out of 24. @default 8, or 4 for a stat */
  readonly width?: number;
  /** Threshold: red at or above this value, or below it with `below`. @default no threshold */
  readonly limit?: { readonly at: number; readonly below?: boolean };
  /** Alert based on what the panel shows; the panel links to its runbook. @default none */
  readonly alert?: string;
}

/** Whether a panel draws lines over time or shows the latest value. */
export type Panel = PanelProps & { readonly kind: "timeseries" | "stat" };

/** Lines over time. */
export const timeseries = (p: PanelProps): Panel => ({ ...p, kind: "timeseries" });
/** The latest value as one figure. */
export const stat = (p: PanelProps): Panel => ({ ...p, kind: "stat" });

const DATASOURCE = { type: "prometheus", uid: "${datasource}" };
const TAG = PART_OF;
const GREEN = "green";
const RED = "red";

const steps = ({ at, below }: NonNullable<PanelProps["limit"]>) => [
  { value: null, color: below ? RED : GREEN },
  { value: at, color: below ? GREEN : RED },
];

/** Builds Grafana's panel, which links to a runbook if runbooks have a web address, but not if they are in a folder. */
function build(p: Panel, runbooks: string): TimeseriesBuilder | StatBuilder {
  const panel =
    p.kind === "stat"
      ? new StatBuilder()
          .span(p.width ?? 4)
          .height(4)
          .noValue("no data")
      : new TimeseriesBuilder()
          .span(p.width ?? 8)
          .height(7)
          .min(0)
          .thresholdsStyle(
            new GraphThresholdsStyleConfigBuilder().mode(
              p.limit ? GraphThresholdsStyleMode.Dashed : GraphThresholdsStyleMode.Off,
            ),
          );
  panel.title(p.title).description(p.description).unit(p.unit).datasource(DATASOURCE);
  p.queries.forEach((q, i) =>
    panel.withTarget(
      new DataqueryBuilder()
        .expr(q.expr)
        .legendFormat(q.legend)
        .refId(String.fromCharCode(65 + i))
        .datasource(DATASOURCE),
    ),
  );
  panel.thresholds(
    new ThresholdsConfigBuilder()
      .mode(ThresholdsMode.Absolute)
      .steps(p.limit ? steps(p.limit) : [{ value: null, color: GREEN }]),
  );
  if (p.alert && /^https?:/.test(runbooks)) {
    const url = `${runbooks.replace(/\/$/, "")}/${p.alert}.md`;
    panel.links([new DashboardLinkBuilder(`Runbook ${p.alert}`).url(url).targetBlank(true)]);
  }
  return panel;
}

/** A dashboard variable: lets the viewer select values of a label; initially, all are selected. */
export interface Choice {
  readonly name: string;
  readonly title: string;
  /** Series whose label values are offered. */
  readonly series: string;
  readonly label: string;
}

export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
  /** Whether the row is left out if Prometheus does not scrape the fast scaler. @default false */
  readonly onlyFast?: true;
}

export interface Dashboard {
  /** Fixed uid, which links and tests rely on. */
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  /** @default none */
  readonly choices?: readonly Choice[];
  readonly rows: readonly Row[];
}

export interface BuildProps {
  /** Namespace that is selected initially. */
  readonly namespace: string;
  /** Web address or folder of the runbooks. */
  readonly runbooks: string;
  /** Whether Prometheus scrapes the fast scaler. */
  readonly fast: boolean;
}

/** Events that are marked in every panel. */
export const ANNOTATIONS = [
  {
    name: "Rollout",
    color: "purple",
    // a Deployment creates a new ReplicaSet when its pod template changes, not when its replica count does
    expr: 'time() - kube_replicaset_created{namespace="$namespace"} < 30',
    text: "{{replicaset}}",
  },
  {
    name: "Scaling",
    color: "blue",
    expr: 'changes(kube_horizontalpodautoscaler_status_desired_replicas{namespace="$namespace"}[1m]) > 0',
    text: "{{horizontalpodautoscaler}}",
  },
] as const;

/** Grafana's JSON for a dashboard, with variables for data source and namespace, annotations, and links to the others. */
export function grafanaJson(d: Dashboard, p: BuildProps): object {
  const builder = new DashboardBuilder(d.title)
    .uid(d.uid)
    .description(d.description)
    .tags([TAG])
    .refresh("10s")
    .time({ from: "now-30m", to: "now" })
    .timezone("browser")
    .tooltip(DashboardCursorSync.Crosshair)
    .withVariable(new DatasourceVariableBuilder("datasource").label("Data source").type("prometheus"))
    .withVariable(
      new QueryVariableBuilder("namespace")
        .label("Namespace")
        .datasource(DATASOURCE)
        .query("label_values(redis_up, namespace)")
        .current({ text: p.namespace, value: p.namespace })
        .refresh(VariableRefresh.OnDashboardLoad),
    )
    .link(
      new DashboardLinkBuilder("Dashboards")
        .type(DashboardLinkType.Dashboards)
        .tags([TAG])
        .asDropdown(true)
        .includeVars(true)
        .keepTime(true),
    );
  for (const a of ANNOTATIONS) {
    builder.annotation(
      new AnnotationQueryBuilder()
        .name(a.name)
        .datasource(DATASOURCE)
        .enable(true)
        .iconColor(a.color)
        .expr(a.expr)
        .step("15s")
        .titleFormat(a.name)
        .textFormat(a.text),
    );
  }
  for (const choice of d.choices ?? []) {
    builder.withVariable(
      new QueryVariableBuilder(choice.name)
        .label(choice.title)
        .datasource(DATASOURCE)
        .query(`label_values(${choice.series}, ${choice.label})`)
        .refresh(VariableRefresh.OnTimeRangeChanged)
        .multi(true)
        .includeAll(true)
        .allValue(".*")
        .current({ text: "All", value: "$__all" }),
    );
  }
  for (const row of d.rows.filter(({ onlyFast }) => p.fast || !onlyFast)) {
    builder.withRow(new RowBuilder(row.title));
    for (const panel of row.panels) builder.withPanel(build(panel, p.runbooks));
  }
  return builder.build();
}
