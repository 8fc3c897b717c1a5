/**
 * Service-level objectives of the API and their burn rates, as described in the SRE workbook ("Alerting on SLOs",
 * multiwindow, multi-burn-rate alerts).
 */
import { CALLER_ROUTES, selectors } from "../selectors";
import { BURN } from "../thresholds";
import type { AlertProps, RecordingRule } from "./rule";

export interface Objectives {
  /** Share of requests that must not be answered with 5xx, in percent. */
  readonly availability: number;
  readonly latency: {
    /** Share of requests answered in time, percent. */
    readonly percent: number;
    /** The time limit in seconds: the bound of a bucket in the API's histogram. */
    readonly seconds: number;
  };
}

const WINDOWS = ["5m", "30m", "1h", "2h", "6h", "1d", "3d"] as const;
type Window = (typeof WINDOWS)[number];
const name = (window: Window) => `namespace_objective:http_requests:burn_rate${window}`;

/** Burn rate over each window, by namespace and objective; absent while there are no requests. */
export function burnRates(namespace: string, objectives: Objectives): readonly RecordingRule[] {
  const requests = (metric: string, window: Window, more = "") =>
    `sum by (namespace) (rate(http_request_duration_seconds_${metric}{${selectors(namespace).api}, ${CALLER_ROUTES}${more}}[${window}]))`;
  // rounded, because 1 - 99.9 / 100 is 0.0009999999999998899
  const allowed = (percent: number) => Number((1 - percent / 100).toFixed(6));
  const { availability, latency } = objectives;
  return WINDOWS.flatMap((window) => {
    const all = requests("count", window);
    return [
      {
        record: name(window),
        labels: { objective: "availability" },
        // the series with status 5xx does not exist until the first response with 5xx
        expr: `(${requests("count", window, ', status=~"5.."')} or ${all} * 0) / (${all} > 0) / ${allowed(availability)}`,
      },
      {
        record: name(window),
        labels: { objective: "latency" },
        expr: `(1 - ${requests("bucket", window, `, le="${latency.seconds}"`)} / (${all} > 0)) / ${allowed(latency.percent)}`,
      },
    ];
  });
}

/** Each alert has two windows: a long one shows that the problem is significant, a short one that it is still going on. */
export function burnAlerts(namespace: string): readonly AlertProps[] {
  const { ns } = selectors(namespace);
  const burns = (long: Window, short: Window, limit: number) =>
    `(${name(long)}{${ns}} > ${limit} and ${name(short)}{${ns}} > ${limit})`;
  const description = (over: string) =>
    `The API uses up its {{ $labels.objective }} error budget {{ $value | humanize }} times faster than allowed, ${over}.`;
  return [
    {
      alert: "ApiBudgetBurnsFast",
      expr: `${burns("1h", "5m", BURN.fast)} or ${burns("6h", "30m", BURN.steady)}`,
      for: "1m",
      severity: "critical",
      summary: "The API is failing its {{ $labels.objective }} objective",
      description: description("over one or six hours"),
    },
    {
      alert: "ApiBudgetBurnsSlowly",
      expr: `${burns("1d", "2h", BURN.slow)} or ${burns("3d", "6h", BURN.creeping)}`,
      for: "15m",
      severity: "warning",
      summary: "The API is on course to miss its {{ $labels.objective }} objective",
      description: description("over one or three days"),
    },
  ];
}
