import { apiDashboard } from "./api";
import { autoscaling } from "./autoscaling";
import { frontDashboard } from "./front";
import { headroom } from "./headroom";
import { overview } from "./overview";
import { grafanaJson, type BuildProps, type Dashboard } from "./panels";
import { redisDashboard } from "./redis";

/** All dashboards of this project, in reading order. */
export const DASHBOARDS: readonly Dashboard[] = [
  overview,
  apiDashboard,
  frontDashboard,
  redisDashboard,
  autoscaling,
  headroom,
];

/** Grafana's JSON for each dashboard, by file name. */
export const dashboards = (p: BuildProps): Readonly<Record<string, object>> =>
  Object.fromEntries(DASHBOARDS.map((d) => [`${d.uid.replace(/^iac-/, "")}.json`, grafanaJson(d, p)]));
