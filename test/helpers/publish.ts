/** Writes measurements to a page in docs/, between the markers with their name. */
import * as fs from "node:fs";
import * as path from "node:path";

/**
 * @param root the project's folder; @param text returns the new section, given the previous one; @param page a file in
 * docs/
 */
export function publishPart(
  root: string,
  name: string,
  text: (before: string) => string,
  figures: unknown,
  page = "benchmarks.md",
): void {
  const file = path.join(root, "docs", page);
  const [begin, end] = [`<!-- ${name}: begin -->`, `<!-- ${name}: end -->`];
  const written = fs.readFileSync(file, "utf8");
  const [from, to] = [written.indexOf(begin), written.indexOf(end)];
  if (from < 0 || to < 0) throw new Error(`${file} has no markers for ${name}`);
  const now = text(written.slice(from + begin.length, to));
  fs.writeFileSync(file, `${written.slice(0, from + begin.length)}\n\n${now.trim()}\n\n${written.slice(to)}`);
  const folder = path.join(root, "docs", "benchmarks");
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(path.join(folder, `${name}.json`), `${JSON.stringify(figures, null, 1)}\n`);
}

/** A table row: what was measured, the value, the goal, and whether the goal was met. */
export const row = (what: string, seen: string, goal = "", met?: boolean): string =>
  `| ${what} | ${seen} | ${goal} | ${met === undefined ? "" : met ? "met" : "**not met**"} |`;

/** Combines rows into a table. Rows in `before` that this run did not measure stay unchanged. */
export function rowsTable(rows: readonly string[], before = ""): string {
  const key = (line: string) => line.split(" | ")[0]!;
  const kept = before
    .split("\n")
    .filter((line) => /^\| [^|]/.test(line) && !/^\| \| /.test(line) && !rows.some((r) => key(r) === key(line)));
  return ["| | seen | goal | |", "|---|---|---|---|", ...kept, ...rows].join("\n");
}

/** Measurements of an end-to-end tier, printed at once and published when the tier ends. */
export class Figures {
  /** The raw data behind the rows. */
  readonly raw: Record<string, unknown> = {};
  private readonly rows: string[] = [];

  note(what: string, seen: string, goal: string, met: boolean): void {
    this.rows.push(row(what, seen, goal, met));
    console.log(`${what}: ${seen}; goal ${goal}: ${met ? "met" : "NOT MET"}`);
  }

  /** Rows that this run did not measure stay unchanged. */
  publish(root: string, name: string): void {
    publishPart(root, name, (before) => rowsTable(this.rows, before), this.raw);
  }
}
