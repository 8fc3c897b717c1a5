/** Results of `faults-ledger` runs, as tables for docs/benchmarks.md. */
import { row, rowsTable } from "./publish";

/** One run, stored in docs/benchmarks/faults.json under "MODE SEED". */
export interface FaultRun {
  readonly faults: number;
  /** Numbers of acknowledged writes, and of refused or unanswered ones. */
  readonly answered: number;
  readonly failed: number;
  /** Acknowledged writes that each Redis instance lacked at the end. */
  readonly lost: Readonly<Record<string, number>>;
  /**
   * Number of writes that main lacked, by the fault before or during which they were acknowledged: "NUMBER, FAULT" or
   * {@link BY_NO_FAULT}.
   */
  readonly lostAt?: Readonly<Record<string, number>>;
  /**
   * Longest time without an acknowledged write after each fault, in seconds, by "FAULT, main" or "FAULT, a replica".
   */
  readonly gaps: Readonly<Record<string, readonly number[]>>;
  /** The same figures for the stock Redis that ran alongside. */
  readonly stockAnswered: number;
  readonly stockLost: Readonly<Record<string, number>>;
}
export type FaultRuns = Readonly<Record<string, FaultRun>>;

export const BY_NO_FAULT = "no fault";

const MODES = ["safe", "ha", "fast"] as const;
const KILLED = "process killed, main";
const count = (n: number) => n.toLocaleString("en");
const most = (lost: Readonly<Record<string, number>>) => Math.max(0, ...Object.values(lost));
const median = (of: readonly number[]) => [...of].sort((a, b) => a - b)[Math.floor(of.length / 2)] ?? NaN;
const list = (of: readonly string[]) => of.join("; ");

/** @param runs of any modes and seeds */
export function faultTables(runs: FaultRuns): string {
  const modes = MODES.map((mode) => ({
    mode,
    of: Object.entries(runs)
      .filter(([name]) => name.startsWith(`${mode} `))
      .map(([name, run]) => ({ seed: name.split(" ")[1]!, ...run })),
  })).filter(({ of }) => of.length > 0);
  const gapsOf = (of: readonly FaultRun[], fault: string) => of.flatMap((run) => run.gaps[fault] ?? []);
  const rows = modes.flatMap(({ mode, of }) => {
    const killed = gapsOf(of, KILLED);
    const limit = mode === "ha" ? 10 : 3;
    const promised = mode !== "fast";
    return [
      row(
        `\`${mode}\`: acknowledged writes missing on any Redis`,
        list(of.map((r) => `${count(most(r.lost))} of ${count(r.answered)} (seed ${r.seed}, ${r.faults} faults)`)),
        promised ? "0 of ≥ 100,000" : "",
        promised ? of.every((r) => most(r.lost) === 0 && r.answered >= 100_000) : undefined,
      ),
      ...of
        .filter((r) => Object.keys(r.lostAt ?? {}).length > 0)
        .map((r) =>
          row(
            `\`${mode}\`, seed ${r.seed}: missing writes, by fault`,
            list(Object.entries(r.lostAt!).map(([name, n]) => `${name.replace(/^\d+, /, "")}: ${n}`)),
          ),
        ),
      row(`\`${mode}\`: writes refused or not answered`, list(of.map((r) => count(r.failed)))),
      row(
        `a stock Redis run alongside \`${mode}\`: acknowledged writes missing on any of its three instances`,
        list(of.map((r) => `${count(most(r.stockLost))} of ${count(r.stockAnswered)}`)),
      ),
      row(
        `\`${mode}\`: main's process killed, ${killed.length} times: longest time without an acknowledged write, s`,
        `median ${median(killed).toFixed(1)}, longest ${Math.max(...killed).toFixed(1)}`,
        `median ≤ ${limit}`,
        median(killed) <= limit,
      ),
    ];
  });
  const faults = [...new Set(modes.flatMap(({ of }) => of.flatMap((run) => Object.keys(run.gaps))))].sort((a, b) =>
    a.split(", ").at(-1) === b.split(", ").at(-1) ? a.localeCompare(b) : b.endsWith(", main") ? 1 : -1,
  );
  const cell = (of: readonly FaultRun[], fault: string) => {
    const gaps = gapsOf(of, fault);
    return gaps.length ? `${median(gaps).toFixed(1)} (${Math.max(...gaps).toFixed(1)}; ${gaps.length})` : "–";
  };
  return [
    rowsTable(rows),
    "",
    "Longest time without an acknowledged write after each fault, in seconds: median (longest; count), over all runs of a mode. With `ha`, *a replica* can also be another member of the group.",
    "",
    `| fault | ${modes.map(({ mode }) => `\`${mode}\``).join(" | ")} |`,
    `|---|${modes.map(() => "---").join("|")}|`,
    ...faults.map((fault) => `| ${fault} | ${modes.map(({ of }) => cell(of, fault)).join(" | ")} |`),
  ].join("\n");
}
