/** docs/architecture.md: each name in its table of changes occurs in the linked files. */
import * as fs from "node:fs";
import * as path from "node:path";
import { PROJECT_ROOT } from "../../catalog/paths";

const docs = path.join(PROJECT_ROOT, "docs");
const page = fs.readFileSync(path.join(docs, "architecture.md"), "utf8");
const section = page.split("\n## ").find((text) => text.startsWith("Where to change what\n"))!;
const rows = section
  .split("\n")
  .filter((line) => line.startsWith("| ") && !line.startsWith("| to change"))
  .map((line) => line.split(" | ") as [change: string, file: string, lookFor: string]);

/** The text of the linked files, and of all files in linked folders. */
const linked = (cell: string): string =>
  [...cell.matchAll(/\]\(([^)]+)\)/g)]
    .flatMap(([, target]) => {
      const at = path.join(docs, target!);
      if (!fs.statSync(at).isDirectory()) return [at];
      const inside = fs.readdirSync(at, { recursive: true, encoding: "utf8" }).map((name) => path.join(at, name));
      return inside.filter((file) => !file.includes("node_modules") && fs.statSync(file).isFile());
    })
    .map((file) => fs.readFileSync(file, "utf8"))
    .join("\n");

it.each(rows)("%s: the file contains the names in the row", (_change, file, lookFor) => {
  const text = linked(file);
  const names = [...lookFor.matchAll(/`([^`]+)`/g)].map(([, name]) => name!).filter((name) => name !== "config.yaml");
  expect(names.filter((name) => !text.includes(name))).toEqual([]);
});
