/** Draws a load: `load.ts FIGURES.json BASE` writes BASE.svg and BASE.png, and prints their paths. */
import { readFileSync } from "node:fs";
import type { Load, Sample } from "../load/samples";
import { COLOURS, draw, panels, SERIES, text } from "./draw";

const [figures, base] = process.argv.slice(2);
if (!figures || !base) throw new Error("usage: load.ts FIGURES.json BASE");
const load = JSON.parse(readFileSync(figures, "utf8")) as Load;
const { samples, shape, totals } = load;

const WIDTH = 960;
const PANEL = { width: WIDTH, top: 96, height: 150, gap: 62 };
const APART = 0.06;
const titles = ["Requests per second", "Latency, ms", "Ready pods"];
const grid = panels(3, PANEL);
const last = Math.ceil(samples.at(-1)?.second ?? shape.seconds);

const line = (name: string, panel: number, color: string, value: (s: Sample) => number | null, more: object = {}) => ({
  name,
  type: "line",
  xAxisIndex: panel,
  yAxisIndex: panel,
  symbol: "none",
  lineStyle: { width: 2, color, ...(more as { lineStyle?: object }).lineStyle },
  itemStyle: { color },
  data: samples.map((s) => [s.second, value(s)]),
  ...((more as { step?: string }).step ? { step: "end" } : {}),
});
const some = (what: "refused" | "failed" | "dropped") => samples.some((s) => s[what] > 0);
const parts = Object.keys(samples[0]?.pods ?? {});
const legend = (panel: number, names: readonly string[]) => ({
  data: names.map((name) => ({ name })),
  right: 24,
  top: PANEL.top + panel * (PANEL.height + PANEL.gap) - 30,
  itemHeight: 8,
  itemWidth: 18,
  itemGap: 22,
  textStyle: text(12),
});

const rates = [
  line("target", 0, COLOURS.target, (s) => s.asked, { lineStyle: { type: "dashed" } }),
  line("answered", 0, COLOURS.load, (s) => s.answered),
  ...(some("refused") ? [line("refused (503)", 0, COLOURS.warn, (s) => s.refused)] : []),
  ...(some("dropped") ? [line("not sent", 0, COLOURS.faint, (s) => s.dropped)] : []),
  ...(some("failed") ? [line("failed", 0, COLOURS.bad, (s) => s.failed)] : []),
];
const latencies = [line("p50", 1, COLOURS.load, (s) => s.p50), line("p99", 1, COLOURS.warn, (s) => s.p99)];
const pods = parts.map((name, i) =>
  // offset slightly, because lines with the same count would overlap
  line(
    name,
    2,
    SERIES[i % SERIES.length]!,
    (s) => (s.pods[name] ? s.pods[name].ready + (i - (parts.length - 1) / 2) * APART : null),
    {
      step: "end",
    },
  ),
);
const count = (n: number) => n.toLocaleString("en");

const files = draw(
  {
    title: {
      text: `Load: ${shape.profile}, up to ${count(shape.rate)} requests per second`,
      subtext: totals
        ? `${load.startedAt.slice(0, 16).replace("T", " ")} UTC · ${count(totals.answered)} answered, ${count(totals.refused)} refused, ${count(totals.failed)} failed, ${count(totals.dropped)} not sent · ${load.writes} % writes`
        : "",
      left: 16,
      top: 12,
      textStyle: { ...text(18), fontWeight: "bold" },
      subtextStyle: text(12, COLOURS.faint),
    },
    legend: [rates, latencies, pods].map((series, panel) =>
      legend(
        panel,
        series.map((s) => s.name),
      ),
    ),
    grid,
    xAxis: grid.map((_, i) => ({
      type: "value",
      gridIndex: i,
      min: 0,
      max: last,
      axisLabel: { ...text(11, COLOURS.faint), formatter: (v: number) => `${v} s`, showMaxLabel: false },
      axisLine: { lineStyle: { color: COLOURS.faint } },
      splitLine: { show: false },
    })),
    yAxis: grid.map((_, i) => ({
      type: i === 1 ? "log" : "value",
      gridIndex: i,
      name: titles[i],
      nameLocation: "end",
      nameGap: 16,
      nameTextStyle: { ...text(13), fontWeight: "bold", align: "left", padding: [0, 0, 0, -44] },
      ...(i === 1 ? { min: 1 } : { min: 0 }),
      ...(i === 2 ? { minInterval: 1 } : {}),
      splitNumber: 4,
      axisLabel: text(11, COLOURS.faint),
      splitLine: { lineStyle: { color: COLOURS.grid } },
    })),
    series: [...rates, ...latencies, ...pods],
  },
  { width: WIDTH, height: PANEL.top + 3 * (PANEL.height + PANEL.gap) },
  base,
);
console.log(files.join("\n"));
