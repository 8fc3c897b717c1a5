/** Draws a chart to files: ECharts writes the SVG without a browser, and resvg converts it to PNG. */
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { Resvg } from "@resvg/resvg-js";
import * as echarts from "echarts";

export const COLOURS = {
  ink: "#1f2933",
  faint: "#7b8794",
  grid: "#e4e7eb",
  load: "#3d6fd9",
  target: "#9fb3c8",
  good: "#2f9e6e",
  warn: "#d98a1f",
  bad: "#d64545",
} as const;

/** Colours for workloads or engines, which people with red-green colour blindness can distinguish. */
export const SERIES = ["#3d6fd9", "#d98a1f", "#2f9e6e", "#8a63c4", "#d64545"] as const;

const FONT = "DejaVu Sans";
const fonts = path.join(path.dirname(createRequire(import.meta.url).resolve("dejavu-fonts-ttf/package.json")), "ttf");

export const text = (size: number, color: string = COLOURS.ink) => ({ fontFamily: FONT, fontSize: size, color });

/** Writes `base`.svg and `base`.png; returns their paths. */
export function draw(
  option: echarts.EChartsCoreOption,
  size: { width: number; height: number },
  base: string,
): string[] {
  const chart = echarts.init(null, null, { renderer: "svg", ssr: true, ...size });
  chart.setOption({ animation: false, backgroundColor: "#ffffff", textStyle: text(12), ...option });
  const svg = chart.renderToSVGString();
  chart.dispose();
  writeFileSync(`${base}.svg`, svg);
  const png = new Resvg(svg, {
    fitTo: { mode: "width", value: size.width * 2 },
    // use only these fonts, so that the picture is the same on every machine
    font: {
      loadSystemFonts: false,
      fontFiles: ["DejaVuSans.ttf", "DejaVuSans-Bold.ttf"].map((file) => path.join(fonts, file)),
      defaultFontFamily: FONT,
    },
  });
  writeFileSync(`${base}.png`, png.render().asPng());
  return [`${base}.svg`, `${base}.png`];
}

/** Grids for panels stacked on a common time axis. */
export function panels(
  count: number,
  options: { width: number; top: number; height: number; gap: number; left?: number; right?: number },
) {
  const { top, height, gap, left = 64, right = 24 } = options;
  return Array.from({ length: count }, (_, i) => ({
    left,
    right,
    top: top + i * (height + gap),
    height,
    containLabel: false,
  }));
}
