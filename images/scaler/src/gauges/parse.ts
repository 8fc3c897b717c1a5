/** Reads one gauge from Prometheus' text format, without parsing the rest of the text. */

/** Index after the `}` of the labels whose `{` is at `begin`; -1 if there is no `}`. */
function endOfLabels(text: string, begin: number): number {
  let quoted = false;
  for (let i = begin + 1; i < text.length; i++) {
    const char = text[i];
    if (char === "\n") return -1;
    if (quoted && char === "\\") i++;
    else if (char === '"') quoted = !quoted;
    else if (char === "}" && !quoted) return i + 1;
  }
  return -1;
}

/**
 * The value of a metric that has a single series.
 *
 * @returns undefined if there is no series; NaN if there are several, or if the value is not a number
 */
export function gauge(text: string, name: string): number | undefined {
  let found: number | undefined;
  for (let at = text.indexOf(name); at >= 0; at = text.indexOf(name, at + name.length)) {
    if (at > 0 && text[at - 1] !== "\n") continue;
    let end = at + name.length;
    if (text[end] === "{") end = endOfLabels(text, end);
    if (end < 0 || (text[end] !== " " && text[end] !== "\t")) continue;
    if (found !== undefined) return NaN;
    const line = text.slice(end, text.indexOf("\n", end) < 0 ? undefined : text.indexOf("\n", end));
    const value = line.trim().split(/\s+/)[0]!;
    found = value === "" ? NaN : Number(value);
  }
  return found;
}
