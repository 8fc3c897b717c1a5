/** Text in Graphviz' DOT language. */

export const INK = "#1f2933";
export const FAINT = "#52606d";

const quoted = (text: string): string => `"${text.replaceAll('"', '\\"')}"`;

/** Text inside an HTML-like label. */
export const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

/** Attributes in brackets; a value that starts with `<` is an HTML-like label. */
export const attributes = (all: Readonly<Record<string, string | number>>): string =>
  `[${Object.entries(all)
    .map(([name, value]) => `${name}=${typeof value === "string" && !value.startsWith("<") ? quoted(value) : value}`)
    .join(", ")}]`;

/** A complete graph. The white background keeps it readable on dark pages. */
export const digraph = (options: Readonly<Record<string, string | number>>, lines: readonly string[]): string =>
  [
    "digraph {",
    `  graph ${attributes({ bgcolor: "white", fontname: "Arial", fontcolor: INK, fontsize: 14, pad: 0.15, ...options })}`,
    `  node ${attributes({ shape: "plain", fontname: "Arial", fontcolor: INK, fontsize: 14 })}`,
    `  edge ${attributes({ fontname: "Arial", fontcolor: INK, fontsize: 12, color: FAINT, arrowsize: 0.7 })}`,
    ...lines.map((line) => `  ${line}`),
    "}",
  ].join("\n");
