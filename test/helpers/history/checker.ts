/**
 * Builds and runs the linearizability checker (bench/history/checker, written in Go with porcupine), and explains
 * violations.
 */
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { PROJECT_ROOT } from "../../../catalog/paths";
import type { Operation } from "./bounds";
import { outcome, type Micros, type Period } from "./record";

const SOURCE = path.join(PROJECT_ROOT, "bench", "history", "checker");
const BINARY = path.join(PROJECT_ROOT, ".state", "bench", "history-checker");

/** The verdict on one key. */
export interface Verdict {
  readonly key: string;
  /** `unknown`: the time limit was reached. */
  readonly verdict: "ok" | "illegal" | "unknown";
  readonly operations: number;
  readonly seconds: number;
  /** For a violation: the smallest set of mutually contradictory operations that was found. */
  readonly core: readonly Operation[];
  /** For a violation: porcupine's picture in HTML, and the operations around the violation as JSON lines. */
  readonly picture?: string;
  readonly history?: string;
}

/** Whether the checker can be built here. */
export const hasGo = spawnSync("go", ["version"]).status === 0;

/** Builds the checker if it has changed. @throws if Go is missing or a module cannot be downloaded */
export function buildChecker(): void {
  if (!hasGo)
    throw new Error("The history checker is a Go program, but Go is not installed. Install Go 1.24 or later.");
  const { status, stderr } = spawnSync("go", ["build", "-o", BINARY, "."], { cwd: SOURCE, encoding: "utf8" });
  if (status !== 0) throw new Error(`The history checker cannot be built: ${stderr}`);
}

/**
 * Checks each key. {@link buildChecker} must have run.
 *
 * @param folder for pictures and histories of violations
 * @param seconds time limit per key
 */
export function check(operations: readonly Operation[], folder: string, seconds = 60): Verdict[] {
  fs.mkdirSync(folder, { recursive: true });
  const input = operations.map(({ record: _, ...rest }) => `${JSON.stringify(rest)}\n`).join("");
  const run = spawnSync(BINARY, ["-out", folder, "-limit", `${seconds}s`], {
    input,
    encoding: "utf8",
    maxBuffer: 2 ** 28,
    stdio: ["pipe", "pipe", "inherit"],
  });
  if (run.status !== 0) throw new Error(`the history checker exited with ${run.status ?? run.signal}`);
  type Found = Omit<Verdict, "core"> & { readonly core?: readonly number[] };
  return (JSON.parse(run.stdout) as Found[]).map((found) => ({
    ...found,
    core: (found.core ?? []).map((line) => operations[line]!),
  }));
}

/** A named fault, to show during which fault a violation occurred. */
export interface NamedPeriod extends Period {
  readonly name: string;
}

const seconds = (at: Micros, begin: Micros) => ((at - begin) / 1e6).toFixed(3);

/** One line: time, client, API, operation and response. */
function line({ record, latest, kind, value }: Operation, begin: Micros): string {
  const what = kind === "read" ? `reads ${value ?? "nothing"}` : kind === "set" ? `sets ${value}` : "deletes";
  const known = outcome(record);
  const answer =
    known === "ok"
      ? record.status
      : `${record.status || "no answer"}, ${record.reason}; may take effect until ${seconds(latest, begin)}`;
  return `  ${seconds(record.call, begin)} to ${seconds(record.end, begin)} s  client ${record.client}, API ${record.api}: ${what} (${answer})`;
}

/** Describes a violation as text. @param begin the run's start, to which all times are relative */
export function explain(verdict: Verdict, begin: Micros, faults: readonly NamedPeriod[] = []): string {
  const { key, core } = verdict;
  const from = Math.min(...core.map((o) => o.call));
  const to = Math.max(...core.map((o) => Math.min(o.latest, o.record.end)));
  const during = faults.filter((fault) => fault.from <= to && fault.to >= from);
  return [
    `${key}: no order of these operations explains their responses (an operation takes effect between its two times):`,
    ...[...core].sort((a, b) => a.call - b.call).map((o) => line(o, begin)),
    ...during.map((f) => `  meanwhile: ${f.name}, ${seconds(f.from, begin)} to ${seconds(f.to, begin)} s`),
    `  picture: ${verdict.picture}; operations around it: ${verdict.history}`,
  ].join("\n");
}
