/** Queries a dashboard's data from Prometheus, to draw pictures without Grafana. */
import type { Dashboard, Panel } from "../../dashboards/panels";

export interface DrawnSeries {
  readonly name: string;
  /** Seconds since the epoch, value; null if there is none. */
  readonly points: readonly (readonly [number, number | null])[];
}

export interface DrawnPanel extends Pick<Panel, "kind" | "title" | "unit" | "width" | "limit"> {
  readonly series: readonly DrawnSeries[];
}

export interface DrawnDashboard {
  readonly title: string;
  readonly description: string;
  /** Seconds since the epoch. */
  readonly from: number;
  readonly to: number;
  readonly rows: readonly { readonly title: string; readonly panels: readonly DrawnPanel[] }[];
}

/** Queries Prometheus: takes a path below /api/v1/, returns the response's `data`. */
export type QueryPrometheus = (path: string) => Promise<unknown>;

interface Matrix {
  readonly result: readonly {
    readonly metric: Readonly<Record<string, string>>;
    readonly values: [number, string][];
  }[];
}

const POINTS = 120;
/** The scrape interval: a finer step adds no information. */
const STEP_SECONDS = 10;

/** A panel's query with its variables set to "all", as Grafana sends it. */
export const withVariables = (expr: string, namespace: string): string =>
  expr.replaceAll("$namespace", namespace).replaceAll(/\$(pod|instance)\b/g, ".*");

/** A legend with its {{labels}} filled in. */
export const legendOf = (legend: string, labels: Readonly<Record<string, string>>): string =>
  legend.replaceAll(/\{\{\s*(\w+)\s*\}\}/g, (_, label: string) => labels[label] ?? "").trim();

async function panelFigures(
  queryPrometheus: QueryPrometheus,
  panel: Panel,
  namespace: string,
  from: number,
  to: number,
): Promise<DrawnPanel> {
  const step = Math.max(STEP_SECONDS, Math.round((to - from) / POINTS));
  const series: DrawnSeries[] = [];
  for (const { expr, legend } of panel.queries) {
    const query = new URLSearchParams({
      query: withVariables(expr, namespace),
      start: String(from),
      end: String(to),
      step: String(step),
    });
    const { result } = (await queryPrometheus(`query_range?${query}`)) as Matrix;
    for (const { metric, values } of result) {
      const points = values.map(([at, value]) => [at, Number.isFinite(+value) ? +value : null] as const);
      series.push({ name: legendOf(legend, metric) || panel.title, points });
    }
  }
  const { kind, title, unit, width, limit } = panel;
  return { kind, title, unit, ...(width ? { width } : {}), ...(limit ? { limit } : {}), series };
}

/** @param from seconds since the epoch */
export async function dashboardFigures(
  queryPrometheus: QueryPrometheus,
  dashboard: Dashboard,
  namespace: string,
  from: number,
  to: number,
): Promise<DrawnDashboard> {
  const rows = [];
  for (const row of dashboard.rows) {
    const panels = [];
    for (const panel of row.panels) panels.push(await panelFigures(queryPrometheus, panel, namespace, from, to));
    rows.push({ title: row.title, panels });
  }
  return { title: dashboard.title, description: dashboard.description, from, to, rows };
}
