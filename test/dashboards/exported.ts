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

/**
 * Series that exist only with some storage classes, so a recorded system may lack them: a kubelet does not report
 * volumes that are folders on its node's disk (kubernetes.io/docs/reference/instrumentation/metrics).
 */
export const exportedBySome: readonly ExportedSeries[] = [
  { metric: "kubelet_volume_stats_available_bytes", labels: ofKubelet },
  { metric: "kubelet_volume_stats_capacity_bytes", labels: ofKubelet },
];
