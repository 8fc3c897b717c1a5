/** Produces the report on reaction times: tables, charts and figures for docs/benchmarks.md. */
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { row, rowsTable } from "../../test/helpers/publish";
import { interval, median, publish, WORK } from "../lib";
import type { Reaction, Steady, Step } from "./measurements";
import { ENGINES, MIN, type Engine } from "./engines";

const ROOT = path.resolve(import.meta.dirname, "../..");
const NAMES: Readonly<Record<Engine, string>> = {
  stock: "stock HPA",
  hpa: "ours, engine `hpa`",
  keda: "ours, engine `keda`",
};
const GOALS: Readonly<Partial<Record<Engine, number>>> = { hpa: 0.65, keda: 0.45 };

type Moment = "decision" | "created" | "ready" | "served";
const seconds = (ms: number) => (ms / 1000).toFixed(1);

/** Times of an event over all of an engine's steps; an event that did not happen counts as the length of the step. */
const times = (steps: readonly Step[], moment: Moment): number[] =>
  steps.map((s) => s[moment] ?? s.load.seconds * 1000);

/** Ratios to the stock HPA, step by step: same load, same offset within the autoscaler's sync period. */
function ratios(data: Reaction, engine: Engine): number[] {
  const of = (e: Engine) => data.steps.filter((s) => s.engine === e);
  const stock = times(of("stock"), "ready");
  return times(of(engine), "ready").map((ms, i) => ms / stock[i]!);
}

/** Number of desired pods beyond what the load requires. */
const overshoot = (step: Step): number => Math.max(0, step.peak - step.multiple);

/**
 * Number of times the desired number of pods changed, without the first two minutes, during which the engine settles.
 */
export const flaps = (steady: Steady): number =>
  steady.wanted.filter((w) => w.at > 120_000 && w.at < steady.seconds * 1000).length;

const failed = (seen: Readonly<Record<string, number>>): number =>
  Object.entries(seen)
    .filter(([what]) => !["404", "200", "503"].includes(what))
    .reduce((sum, [, count]) => sum + count, 0);

export function publishReaction(data: Reaction): void {
  const of = (engine: Engine) => data.steps.filter((s) => s.engine === engine);
  const cell = (engine: Engine, moment: Moment) => {
    const all = times(of(engine), moment);
    return `${seconds(median(all))} s (${seconds(Math.min(...all))} to ${seconds(Math.max(...all))})`;
  };
  const moments = [
    "| | decision | pod created | first new pod Ready | first request served by that pod |",
    "|---|---|---|---|---|",
    ...ENGINES.map(
      (e) =>
        `| ${NAMES[e]} | ${(["decision", "created", "ready", "served"] as const).map((m) => cell(e, m)).join(" | ")} |`,
    ),
  ].join("\n");

  const rows: string[] = [];
  for (const engine of ["hpa", "keda"] as const) {
    const all = ratios(data, engine);
    const [low, high] = interval(all);
    const goal = GOALS[engine]!;
    const ratio = median(times(of(engine), "ready")) / median(times(of("stock"), "ready"));
    rows.push(
      row(
        `${NAMES[engine]}: time from load step to Ready, relative to stock`,
        `**${ratio.toFixed(2)}×** (step by step: median ${median(all).toFixed(2)}×, ${low.toFixed(2)} to ${high.toFixed(2)})`,
        `≤ ${goal.toFixed(2)}×`,
        ratio <= goal,
      ),
    );
  }
  for (const engine of ENGINES) {
    const isProject = engine !== "stock";
    const most = Math.max(...of(engine).map(overshoot));
    rows.push(
      row(
        `${NAMES[engine]}: maximum overshoot, in pods`,
        String(most),
        isProject ? "≤ 1" : "",
        isProject ? most <= 1 : undefined,
      ),
    );
    const steady = data.steady.find((s) => s.engine === engine);
    if (steady) {
      const changes = flaps(steady);
      rows.push(
        row(
          `${NAMES[engine]}: changes in the replica count during ${Math.round(steady.seconds / 60)} minutes of steady load, not counting the first two`,
          String(changes),
          isProject ? "0" : "",
          isProject ? changes === 0 : undefined,
        ),
        row(
          `${NAMES[engine]}: time from the end of the load until ${MIN} pods are left`,
          steady.back === null ? "not within the wait" : `${seconds(steady.back)} s`,
        ),
      );
    }
    const loads = [...of(engine).map((s) => s.load), ...(steady ? [steady.load, steady.backLoad] : [])];
    const sent = loads.reduce((sum, l) => sum + l.sent, 0);
    const bad = loads.reduce((sum, l) => sum + failed(l.seen), 0);
    const refused = loads.reduce((sum, l) => sum + (l.seen["503"] ?? 0), 0);
    const late = loads.reduce((sum, l) => sum + l.late, 0);
    rows.push(
      row(
        `${NAMES[engine]}: failed requests, scale-out and scale-in`,
        `${bad} of ${sent.toLocaleString("en")}; refused with 503: ${refused}; not sent because 500 were in flight: ${late}`,
        isProject ? "0 of ≥ 100,000" : "",
        isProject ? bad === 0 && sent >= 100_000 : undefined,
      ),
    );
  }
  const starts = data.steps.flatMap((s) => s.starts);
  const start = (what: string, all: readonly number[]) =>
    row(
      `${what}: time from process start to Ready`,
      `${seconds(median(all))} s (${seconds(Math.min(...all))} to ${seconds(Math.max(...all))}, ${all.length} pods)`,
      "≤ 1 s",
      median(all) <= 1000,
    );
  if (starts.length) rows.push(start("API", starts));
  if (data.replicaStarts.length) rows.push(start("replica", data.replicaStarts));

  fs.mkdirSync(WORK, { recursive: true });
  const file = path.join(WORK, "reaction-chart.json");
  fs.writeFileSync(file, JSON.stringify(data));
  const chart = path.join(ROOT, "scripts", "drawing", "reaction.ts");
  execFileSync(process.execPath, ["--import", "tsx", chart, file, path.join(ROOT, "docs", "pictures", "reaction")], {
    cwd: ROOT,
    stdio: "inherit",
  });
  publish(
    "reaction",
    [
      `One pod at its CPU target answers **${data.capacity} requests per second** here; an idle pod uses ` +
        `${data.idle.toFixed(0)} m of CPU. ${of("stock").length} steps for each autoscaler, from ${MIN} pods to a load that requires ${[...new Set(data.steps.map((s) => s.multiple))].sort((a, b) => a - b).join(", ")} pods, minus a quarter of a pod. Median and range:`,
      moments,
      rowsTable(rows),
      "![Reaction of three autoscalers](pictures/reaction.png)",
    ].join("\n\n"),
    data,
  );
}
