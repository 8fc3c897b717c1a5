/**
 * Series that the deployed system exports, recorded from Prometheus. `npm run e2e -- observability` compares this list
 * with a running system; with `RECORD=1` it rewrites the list.
 */
import * as fs from "node:fs";
import * as path from "node:path";

export interface ExportedSeries {
  readonly metric: string;
  readonly labels: readonly string[];
}

export const EXPORTED_FILE = path.join(__dirname, "exported.json");

export const exported = fs.existsSync(EXPORTED_FILE)
  ? (JSON.parse(fs.readFileSync(EXPORTED_FILE, "utf8")) as readonly ExportedSeries[])
  : [];

const ofKubelet = [
  "endpoint",
  "instance",
  "job",
  "metrics_path",
  "namespace",
  "node",
  "persistentvolumeclaim",
  "service",
];

const ofScaler = ["container", "endpoint", "instance", "job", "namespace", "pod", "service"];

/**
 * Series that a recorded system may lack: those of the fast scaler, which is optional, and those that exist only with
 * some storage classes, because a kubelet does not report volumes that are folders on its node's disk
 * (kubernetes.io/docs/reference/instrumentation/metrics).
 */
export const exportedBySome: readonly ExportedSeries[] = [
  { metric: "scaler_leader", labels: ofScaler },
  { metric: "scaler_recommended_pods", labels: [...ofScaler, "workload"] },
  { metric: "scaler_wanted_pods", labels: [...ofScaler, "workload"] },
  { metric: "scaler_decisions_total", labels: [...ofScaler, "workload", "direction"] },
  { metric: "scaler_held", labels: [...ofScaler, "workload", "reason"] },
  { metric: "kubelet_volume_stats_available_bytes", labels: ofKubelet },
  { metric: "kubelet_volume_stats_capacity_bytes", labels: ofKubelet },
];
