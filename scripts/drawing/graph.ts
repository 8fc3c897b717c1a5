/** Draws a graph: reads DOT from standard input and writes SVG to standard output. Graphviz runs as WebAssembly. */
import { readFileSync } from "node:fs";
import { instance } from "@viz-js/viz";

/**
 * Graphviz measures text with its own table for Arial, so the layout is the same on every machine. Text is drawn one
 * size smaller than measured, because some machines substitute a wider font.
 */
const MEASURED = 'font-family="Arial"';
const SHOWN = `font-family="Arial, Helvetica, 'Liberation Sans', sans-serif"`;

const viz = await instance();
const svg = viz.renderString(readFileSync(0, "utf8"), { format: "svg", engine: "dot" });
const smaller = (_: string, size: string) => `font-size="${Number(size) - 1}"`;
process.stdout.write(svg.replaceAll(MEASURED, SHOWN).replaceAll(/font-size="([\d.]+)"/g, smaller));
