/**
 * Series that the deployed system exports, recorded from Prometheus: `npm run e2e -- observability` compares them,
 * and with `RECORD=1` rewrites the file.
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
