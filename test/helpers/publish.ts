/** Writes what was measured into docs/benchmarks.md, between the marks of its name. */
import * as fs from "node:fs";
import * as path from "node:path";

/** @param root the project's folder; @param text what replaces the part, given what stood there */
export function publishPart(root: string, name: string, text: (before: string) => string, figures: unknown): void {
  const file = path.join(root, "docs", "benchmarks.md");
  const [begin, end] = [`<!-- ${name}: begin -->`, `<!-- ${name}: end -->`];
  const page = fs.readFileSync(file, "utf8");
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < 0) throw new Error(`${file} has no marks for ${name}`);
  const now = text(page.slice(from + begin.length, to));
  fs.writeFileSync(file, `${page.slice(0, from + begin.length)}\n\n${now.trim()}\n\n${page.slice(to)}`);
  const folder = path.join(root, "docs", "benchmarks");
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(path.join(folder, `${name}.json`), `${JSON.stringify(figures, null, 1)}\n`);
}

/** A row of figures: what, seen, goal, and whether it was met. */
export const row = (what: string, seen: string, goal = "", met?: boolean): string =>
  `| ${what} | ${seen} | ${goal} | ${met === undefined ? "" : met ? "met" : "**not met**"} |`;

/** A table of rows. Rows of `before` that this run did not measure stay as they were. */
export function rowsTable(rows: readonly string[], before = ""): string {
  const key = (line: string) => line.split(" | ")[0]!;
  const kept = before
    .split("\n")
    .filter((line) => /^\| [^|]/.test(line) && !/^\| \| /.test(line) && !rows.some((r) => key(r) === key(line)));
  return ["| | seen | goal | |", "|---|---|---|---|", ...kept, ...rows].join("\n");
}

/** What a tier of the end-to-end test has measured, said as it comes and written down at its end. */
export class Figures {
  /** What the rows were made of, for whoever draws it. */
  readonly raw: Record<string, unknown> = {};
  private readonly rows: string[] = [];

  note(what: string, seen: string, goal: string, met: boolean): void {
    this.rows.push(row(what, seen, goal, met));
    console.log(`${what}: ${seen}; goal ${goal}: ${met ? "met" : "NOT MET"}`);
  }

  /** Rows that this run did not measure stay as they were. */
  publish(root: string, name: string): void {
    publishPart(root, name, (before) => rowsTable(this.rows, before), this.raw);
  }
}
