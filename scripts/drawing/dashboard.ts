/** Draws a dashboard: `dashboard.ts FIGURES.json BASE` writes BASE.svg and BASE.png, and prints their paths. */
import { readFileSync } from "node:fs";
import type { DrawnDashboard, DrawnPanel } from "../toolbox/dashboard-figures";
import { COLOURS, draw, text } from "./draw";

const [figures, base] = process.argv.slice(2);
if (!figures || !base) throw new Error("usage: dashboard.ts FIGURES.json BASE");
const dashboard = JSON.parse(readFileSync(figures, "utf8")) as DrawnDashboard;

const WIDTH = 1440;
const MARGIN = 20;
const GAP = 14;
const TOP = 84;
const ROW = 34;
const HEIGHT = { stat: 104, timeseries: 250 };
const COLUMNS = 24;
/** Colours that people with red-green colour blindness can distinguish. */
const PALETTE = ["#3d6fd9", "#d98a1f", "#2f9e6e", "#8a63c4", "#d64545", "#1f9bb3", "#a0622d", "#7b8794"];
/** More series would overlap in the legend. */
const MOST_SERIES = 10;

const round = (v: number) => (Math.abs(v) >= 100 ? v.toFixed(0) : Number(v.toPrecision(3)).toString());
const scaled = (v: number, base: number, units: readonly string[]) => {
  let i = 0;
  while (Math.abs(v) >= base && i < units.length - 1) {
    v /= base;
    i++;
  }
  return `${round(v)} ${units[i]}`.trim();
};
function format(unit: string, v: number): string {
  switch (unit) {
    case "s":
      return v === 0 ? "0" : v < 0.001 ? `${round(v * 1e6)} µs` : v < 1 ? `${round(v * 1000)} ms` : `${round(v)} s`;
    case "percentunit":
      return `${round(v * 100)} %`;
    case "percent":
      return `${round(v)} %`;
    case "bytes":
      return scaled(v, 1024, ["B", "KiB", "MiB", "GiB"]);
    case "Bps":
      return scaled(v, 1000, ["B/s", "kB/s", "MB/s"]);
    case "reqps":
    case "ops":
      return scaled(v, 1000, ["/s", "k/s"]);
    default:
      return scaled(v, 1000, ["", "k", "M"]);
  }
}

interface Placed {
  readonly panel: DrawnPanel;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}
const placed: Placed[] = [];
const headings: { title: string; y: number }[] = [];
let y = TOP;
const column = (WIDTH - 2 * MARGIN + GAP) / COLUMNS;
for (const row of dashboard.rows) {
  headings.push({ title: row.title, y });
  y += ROW;
  let at = 0;
  let tallest = 0;
  for (const panel of row.panels) {
    const span = panel.width ?? (panel.kind === "stat" ? 4 : 8);
    if (at + span > COLUMNS) {
      y += tallest + GAP;
      at = 0;
      tallest = 0;
    }
    const height = HEIGHT[panel.kind];
    placed.push({ panel, x: MARGIN + at * column, y, width: span * column - GAP, height });
    tallest = Math.max(tallest, height);
    at += span;
  }
  y += tallest + GAP;
}
const height = y + 6;

const isBad = ({ limit }: DrawnPanel, v: number) => limit !== undefined && (limit.below ? v < limit.at : v >= limit.at);
const last = (panel: DrawnPanel) => panel.series[0]?.points.findLast(([, v]) => v !== null)?.[1] ?? null;

const graphic = [
  ...headings.map(({ title, y: top }) => ({
    type: "text",
    left: MARGIN,
    top: top + 10,
    style: { text: title, fill: COLOURS.faint, ...text(14, COLOURS.faint), fontWeight: "bold" },
  })),
  ...placed.flatMap(({ panel, x, y: top, width, height: h }) => {
    const frame = {
      type: "rect",
      left: x,
      top,
      shape: { width, height: h, r: 4 },
      style: { fill: "none", stroke: COLOURS.grid, lineWidth: 1 },
    };
    const title = {
      type: "text",
      left: x + 12,
      top: top + 11,
      style: { text: panel.title, fill: COLOURS.ink, ...text(13), fontWeight: "bold" },
    };
    if (panel.kind !== "stat") return [frame, title];
    const value = last(panel);
    return [
      frame,
      title,
      {
        type: "text",
        left: x + 12,
        top: top + 46,
        style: {
          text: value === null ? "no data" : format(panel.unit, value),
          fill: value === null ? COLOURS.faint : isBad(panel, value) ? COLOURS.bad : COLOURS.good,
          fontFamily: text(0).fontFamily,
          fontSize: value === null ? 20 : 32,
        },
      },
    ];
  }),
];

const lines = placed.filter(({ panel }) => panel.kind === "timeseries");
const grid = lines.map(({ x, y: top, width, height: h }) => ({
  left: x + 66,
  top: top + 40,
  width: width - 84,
  height: h - 40 - 58,
}));
const shown = ({ series }: DrawnPanel) => series.slice(0, MOST_SERIES);
const clock = (seconds: number) => new Date(seconds * 1000).toISOString().slice(11, 16);

const files = draw(
  {
    title: {
      text: dashboard.title,
      subtext: `${dashboard.description}  ${new Date(dashboard.from * 1000).toISOString().slice(0, 10)}, ${clock(dashboard.from)} to ${clock(dashboard.to)} UTC`,
      left: MARGIN,
      top: 14,
      textStyle: { ...text(20), fontWeight: "bold" },
      subtextStyle: text(12, COLOURS.faint),
    },
    graphic,
    grid,
    legend: lines.map(({ panel, x, y: top, width, height: h }, i) => ({
      type: "plain",
      data: shown(panel).map((_, s) => `${i}:${s}`),
      formatter: (key: string) => shown(panel)[Number(key.split(":")[1])]!.name,
      left: x + 12,
      top: top + h - 36,
      width: width - 24,
      height: 30,
      itemHeight: 6,
      itemWidth: 14,
      itemGap: 18,
      textStyle: text(10.5, COLOURS.faint),
    })),
    xAxis: grid.map((_, i) => ({
      type: "value",
      gridIndex: i,
      min: dashboard.from,
      max: dashboard.to,
      interval: (dashboard.to - dashboard.from) / 4,
      axisLabel: { ...text(10.5, COLOURS.faint), formatter: clock, showMaxLabel: false, showMinLabel: false },
      axisLine: { lineStyle: { color: COLOURS.faint } },
      splitLine: { show: false },
    })),
    yAxis: lines.map(({ panel }, i) => ({
      type: "value",
      gridIndex: i,
      min: 0,
      splitNumber: 3,
      ...(panel.unit === "short" ? { minInterval: 1 } : {}),
      axisLabel: { ...text(10.5, COLOURS.faint), formatter: (v: number) => format(panel.unit, v) },
      splitLine: { lineStyle: { color: COLOURS.grid } },
    })),
    series: lines.flatMap(({ panel }, i) =>
      shown(panel).map(({ points }, s) => ({
        name: `${i}:${s}`,
        type: "line",
        xAxisIndex: i,
        yAxisIndex: i,
        symbol: "none",
        lineStyle: { width: 1.8 },
        color: PALETTE[s % PALETTE.length],
        data: points,
        // draws the alert's threshold if the values come close to it
        ...(s === 0 && panel.limit && Math.max(...points.map(([, v]) => v ?? 0)) > panel.limit.at / 4
          ? {
              markLine: {
                silent: true,
                symbol: "none",
                label: { show: false },
                lineStyle: { color: COLOURS.bad, type: "dashed", width: 1 },
                data: [{ yAxis: panel.limit.at }],
              },
            }
          : {}),
      })),
    ),
  },
  { width: WIDTH, height },
  base,
);
console.log(files.join("\n"));
