/** The results of a run that recorded a history, for the terminal and for docs/benchmarks. */
import { operations } from "./bounds";
import { check, explain, type NamedPeriod } from "./checker";
import { longestGap, missing, outside, shares } from "./figures";
import { type Micros, outcome, type Period, type Recorded } from "./record";
import { row } from "../publish";

/** A fault during a run. It lasts until everything is healthy again and every API process has acknowledged a write. */
export interface Happened extends NamedPeriod {
  /** Whether everything recovered in time. */
  readonly recovered: boolean;
}

/** A run, as stored in docs/benchmarks/history.json under "MODE SEED". */
export interface HistoryRun {
  readonly faults: number;
  readonly operations: number;
  readonly keys: number;
  readonly apis: number;
  readonly shares: { readonly set: number; readonly delete: number; readonly read: number };
  /** Keys whose history no order explains, and keys whose check reached its time limit. */
  readonly violations: readonly string[];
  readonly undecided: readonly string[];
  /** By instance: keys whose last acknowledged write the instance lacks at the end. */
  readonly missing: Readonly<Record<string, readonly string[]>>;
  readonly outside: { readonly all: number; readonly ok: number };
  /** Longest time without an acknowledged write during each fault, in seconds. */
  readonly outages: readonly { readonly fault: string; readonly seconds: number; readonly recovered: boolean }[];
}
export type HistoryRuns = Readonly<Record<string, HistoryRun>>;

export interface Observed {
  readonly records: readonly Recorded[];
  readonly frozen: readonly Period[];
  readonly faults: readonly Happened[];
  /** When everything worked for the first time. */
  readonly calmFrom: Micros;
  readonly apis: number;
  /** Each instance's data at the end, by the instance's name. */
  readonly held: Readonly<Record<string, ReadonlyMap<string, string | null>>>;
  /** Folder for pictures of violations. */
  readonly folder: string;
}

const outagesOf = (records: readonly Recorded[], faults: readonly Happened[]) =>
  faults.map((fault) => ({ fault: fault.name, seconds: longestGap(records, fault), recovered: fault.recovered }));

/** Checks the recorded history, and prints every violation. */
export function judge({ records, frozen, faults, calmFrom, apis, held, folder }: Observed): HistoryRun {
  const begin = Math.min(...records.slice(0, 1000).map((r) => r.call));
  const found = check(operations(records, frozen), folder);
  for (const verdict of found) {
    if (verdict.verdict === "illegal") console.log(`\nVIOLATION ${explain(verdict, begin, faults)}`);
    if (verdict.verdict === "unknown")
      console.log(
        `\nUNDECIDED ${verdict.key}: ${verdict.operations} operations were not checked within the time limit`,
      );
  }
  const calm = outside(records, [{ from: 0, to: calmFrom }, ...faults]);
  for (const r of calm.filter((r) => outcome(r) !== "ok").slice(0, 10))
    console.log(
      `FAILED OUTSIDE FAULTS ${((r.call - begin) / 1e6).toFixed(3)} s, API ${r.api}: ${r.kind} ${r.key}: ${r.status} ${r.reason}`,
    );
  const named = (verdict: string) => found.filter((v) => v.verdict === verdict).map((v) => v.key);
  const lost = Object.entries(held).map(([name, values]) => [name, missing(records, frozen, values)] as const);
  for (const [name, keys] of lost)
    for (const key of keys) console.log(`MISSING ${name} lacks the last acknowledged write of ${key}`);
  return {
    faults: faults.length,
    operations: records.length,
    keys: found.length,
    apis,
    shares: shares(records),
    violations: named("illegal"),
    undecided: named("unknown"),
    missing: Object.fromEntries(lost),
    outside: { all: calm.length, ok: calm.filter((r) => outcome(r) === "ok").length },
    outages: outagesOf(records, faults),
  };
}

const missingIn = (run: HistoryRun) => Math.max(0, ...Object.values(run.missing).map((keys) => keys.length));
const availability = ({ outside: { all, ok } }: HistoryRun) => ok / (all || 1);

/** Whether a run found no problems. */
export const isClean = (run: HistoryRun): boolean =>
  run.violations.length + run.undecided.length + missingIn(run) === 0 &&
  run.outages.every((o) => o.recovered) &&
  availability(run) >= 0.999;

const count = (n: number) => n.toLocaleString("en");
const percent = (share: number) => `${(share * 100).toFixed(share > 0.99 ? 3 : 0)} %`;
const median = (of: readonly number[]) => [...of].sort((a, b) => a - b)[Math.floor(of.length / 2)] ?? NaN;

/** Table rows about runs of one mode. */
function rowsOf(mode: string, runs: readonly (HistoryRun & { seed: string })[]): string[] {
  const list = (of: (run: HistoryRun) => string) => runs.map((run) => `${of(run)} (seed ${run.seed})`).join("; ");
  const all = (of: (run: HistoryRun) => boolean) => runs.every(of);
  return [
    row(
      `\`${mode}\`: keys whose history no order explains`,
      list((r) => `${r.violations.length} of ${r.keys}; ${count(r.operations)} operations, ${r.faults} faults`),
      "0 of ≥ 100,000 operations and ≥ 50 faults",
      all((r) => r.violations.length + r.undecided.length === 0 && r.operations >= 100_000 && r.faults >= 50),
    ),
    row(
      `\`${mode}\`: keys whose last acknowledged write is missing on an instance`,
      list((r) => String(missingIn(r))),
      "0",
      all((r) => missingIn(r) === 0),
    ),
    row(
      `\`${mode}\`: successful operations outside fault windows`,
      list((r) => `${percent(availability(r))} of ${count(r.outside.all)}`),
      "≥ 99.9 %",
      all((r) => availability(r) >= 0.999),
    ),
    row(
      `\`${mode}\`: sets, deletes and strong reads`,
      list((r) => [r.shares.set, r.shares.delete, r.shares.read].map(percent).join(", ")),
      "≥ 30, 10, 30 %",
      all((r) => r.shares.set >= 0.3 && r.shares.delete >= 0.1 && r.shares.read >= 0.3),
    ),
    row(
      `\`${mode}\`: faults after which the system did not recover by itself`,
      list((r) => String(r.outages.filter((o) => !o.recovered).length)),
      "0",
      all((r) => r.outages.every((o) => o.recovered)),
    ),
  ];
}

/** @param runs by "MODE SEED" */
export function historyTables(runs: HistoryRuns): string {
  const modes = [...new Set(Object.keys(runs).map((name) => name.split(" ")[0]!))];
  const of = (mode: string) =>
    Object.entries(runs)
      .filter(([name]) => name.startsWith(`${mode} `))
      .map(([name, run]) => ({ ...run, seed: name.split(" ")[1]! }));
  const faults = [...new Set(Object.values(runs).flatMap((run) => run.outages.map((o) => o.fault)))].sort();
  const cell = (mode: string, fault: string) => {
    const seconds = of(mode).flatMap((r) => r.outages.filter((o) => o.fault === fault).map((o) => o.seconds));
    return seconds.length
      ? `${median(seconds).toFixed(1)} (${Math.max(...seconds).toFixed(1)}; ${seconds.length})`
      : "–";
  };
  return [
    "| | seen | goal | |",
    "|---|---|---|---|",
    ...modes.flatMap((mode) => rowsOf(mode, of(mode))),
    "",
    "Longest time without an acknowledged write after each fault, in seconds: median (longest; count), over all runs of a mode.",
    "",
    `| fault | ${modes.map((mode) => `\`${mode}\``).join(" | ")} |`,
    `|---|${modes.map(() => "---").join("|")}|`,
    ...faults.map((fault) => `| ${fault} | ${modes.map((mode) => cell(mode, fault)).join(" | ")} |`),
  ].join("\n");
}
