/** docs/fault-model.md: each row refers to existing tests. */
import * as fs from "node:fs";
import * as path from "node:path";
import { PROJECT_ROOT } from "../../catalog/paths";

const page = fs.readFileSync(path.join(PROJECT_ROOT, "docs", "fault-model.md"), "utf8");
const rows = page
  .split("\n")
  .filter((line) => line.startsWith("| ") && line.includes("`: ") && line.split("|").length === 7)
  .map((line) => line.split("|").map((cell) => cell.trim()));

it("has a row for each fault, with the outcome in each mode", () => {
  expect(rows.length).toBeGreaterThanOrEqual(20);
  for (const cells of rows) for (const cell of cells.slice(1, 6)) expect(cell).not.toBe("");
});

it.each(rows.map((cells) => [cells[1]!, cells[5]!]))("refers to existing tests: %s", (_, shown) => {
  const references = [...shown.matchAll(/`([^`]+)`(?:: ((?:(?!`).)*))?/g)];
  expect(references.length).toBeGreaterThan(0);
  for (const [, file, titles] of references) {
    const source = fs.readFileSync(path.join(PROJECT_ROOT, file!), "utf8");
    for (const title of (titles ?? "").split(";").map((part) => part.trim())) expect(source).toContain(title);
  }
});

it("lists every kind of fault in the seeded runs", () => {
  const folder = path.join(PROJECT_ROOT, "bench", "history");
  const faults = fs.readFileSync(path.join(folder, "faults.ts"), "utf8");
  const names = [...faults.matchAll(/name: "([^"]+)"/g)].map(([, name]) => name!);
  // variants of an existing row
  const variants = ["process killed", "SIGTERM while the hand-over is refused", "SIGTERM while snapshots fail"];
  expect(names.filter((name) => !variants.includes(name) && !page.includes(name))).toEqual([]);
});
