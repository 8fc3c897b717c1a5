/** Draws the reaction times: `reaction.ts FIGURES.json BASE` writes BASE.svg and BASE.png, and prints their paths. */
import { readFileSync } from "node:fs";
import { COLOURS, draw, SERIES, text } from "./draw";

type Engine = "stock" | "hpa" | "keda";
interface Wanted {
  readonly at: number;
  readonly count: number;
}
interface Figures {
  readonly steps: readonly {
    readonly engine: Engine;
    readonly multiple: number;
    readonly ready: number | null;
    readonly wanted: readonly Wanted[];
    readonly pods: readonly { readonly ready: number | null }[];
    readonly load: { readonly seconds: number };
  }[];
  readonly steady: readonly {
    readonly engine: Engine;
    readonly seconds: number;
    readonly wanted: readonly Wanted[];
    readonly back: number | null;
  }[];
}

const [figures, base] = process.argv.slice(2);
if (!figures || !base) throw new Error("usage: reaction.ts FIGURES.json BASE");
const { steps, steady } = JSON.parse(readFileSync(figures, "utf8")) as Figures;

const ENGINES: readonly Engine[] = ["stock", "hpa", "keda"];
const NAMES: Readonly<Record<Engine, string>> = { stock: "stock HPA", hpa: "engine hpa", keda: "engine keda" };
const colour = (engine: Engine): string => ({ stock: COLOURS.faint, hpa: SERIES[1], keda: SERIES[0] })[engine];
const START = 2;
const WIDTH = 960;
const HEIGHT = 820;

const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
};
const readyAt = (step: Figures["steps"][number]) => (step.ready ?? step.load.seconds * 1000) / 1000;

/** Ready pods over time, one point for each new pod. */
function readyPods(step: Figures["steps"][number]): [number, number][] {
  const times = step.pods
    .flatMap((p) => (p.ready === null ? [] : [p.ready / 1000]))
    // pods that became Ready after the load are not shown
    .filter((at) => at <= step.load.seconds)
    .sort((a, b) => a - b);
  return [
    [0, START],
    ...times.map((t, i): [number, number] => [t, START + i + 1]),
    [step.load.seconds, START + times.length],
  ];
}

// the middle one of the step sizes
const sizes = [...new Set(steps.map((s) => s.multiple))].sort((a, b) => a - b);
const shown = sizes[sizes.length >> 1]!;
const grids = [
  { left: 110, right: 40, top: 110, height: 130 },
  { left: 64, right: 40, top: 330, height: 160 },
  { left: 64, right: 40, top: 590, height: 160 },
];
const titles = [
  "From load step to first new pod Ready: each step, and the median",
  `Ready pods after one step, to ${shown} pods' worth`,
  "Desired pods: ten minutes of steady load, then the load of one pod",
];
const longest = Math.max(...steps.map(readyAt));
const stepsEnd = Math.max(...steps.map((s) => s.load.seconds));
const steadyEnd = Math.max(60, ...steady.map((s) => s.seconds + (s.back ?? 0) / 1000)) / 60;

const files = draw(
  {
    title: [
      { text: "How fast three autoscalers react", left: 20, top: 14, textStyle: { ...text(19), fontWeight: "bold" } },
      ...titles.map((title, i) => ({
        text: title,
        left: 20,
        top: grids[i]!.top - 44,
        textStyle: { ...text(13), fontWeight: "bold" },
      })),
    ],
    legend: [1, 2].map((panel) => ({
      data: ENGINES.map((e) => NAMES[e]),
      right: 40,
      top: grids[panel]!.top - 44,
      itemGap: 22,
      itemWidth: 18,
      itemHeight: 8,
      textStyle: text(12),
    })),
    grid: grids,
    xAxis: [
      { max: Math.ceil(longest / 5) * 5, unit: "s" },
      { max: Math.ceil(stepsEnd / 5) * 5, unit: "s" },
      { max: Math.ceil(steadyEnd), unit: "min" },
    ].map(({ max, unit }, i) => ({
      type: "value",
      gridIndex: i,
      min: 0,
      max,
      axisLabel: { ...text(11, COLOURS.faint), formatter: `{value} ${unit}` },
      splitLine: { show: i === 0, lineStyle: { color: COLOURS.grid } },
    })),
    yAxis: [
      {
        type: "category",
        gridIndex: 0,
        inverse: true,
        data: ENGINES.map((e) => NAMES[e]),
        axisLabel: text(12),
        axisTick: { show: false },
      },
      ...[1, 2].map((i) => ({
        type: "value",
        gridIndex: i,
        min: 0,
        minInterval: 1,
        axisLabel: text(11, COLOURS.faint),
        splitLine: { lineStyle: { color: COLOURS.grid } },
      })),
    ],
    series: ENGINES.flatMap((engine, i) => {
      const mine = steps.filter((s) => s.engine === engine);
      const color = colour(engine);
      const one = mine.find((s) => s.multiple === shown);
      const long = steady.find((s) => s.engine === engine);
      const middle = median(mine.map(readyAt));
      const line = (panel: number, data: [number, number][]) => ({
        name: NAMES[engine],
        type: "line",
        xAxisIndex: panel,
        yAxisIndex: panel,
        step: "end",
        symbol: "none",
        lineStyle: { width: 2.5, color },
        itemStyle: { color },
        // offset slightly, because lines with the same count would overlap
        data: data.map(([x, y]) => [x, y + (i - 1) * 0.07]),
      });
      return [
        {
          type: "scatter",
          xAxisIndex: 0,
          yAxisIndex: 0,
          symbolSize: 9,
          itemStyle: { color, opacity: 0.55 },
          data: mine.map((s) => [readyAt(s), i]),
        },
        {
          type: "scatter",
          xAxisIndex: 0,
          yAxisIndex: 0,
          symbol: "rect",
          symbolSize: [3, 30],
          itemStyle: { color: COLOURS.ink },
          data: [[middle, i]],
          label: { show: true, position: "top", formatter: `${middle.toFixed(1)} s`, ...text(12) },
        },
        ...(one ? [line(1, readyPods(one))] : []),
        ...(long
          ? [
              line(2, [
                [0, START],
                ...long.wanted.map((w): [number, number] => [w.at / 60_000, w.count]),
                [(long.seconds + (long.back ?? 0) / 1000) / 60, long.wanted.at(-1)?.count ?? START],
              ]),
            ]
          : []),
      ];
    }),
  },
  { width: WIDTH, height: HEIGHT },
  base,
);
console.log(files.join("\n"));
