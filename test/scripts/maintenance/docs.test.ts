import * as fs from "node:fs";
import * as path from "node:path";
import { PROJECT_ROOT } from "../../../catalog/paths";
import { configSchema } from "../../../config";
import { flows } from "../../../modules/policies/flows";
import { imports, reached } from "../../../scripts/maintenance/architecture/code";
import { contents } from "../../../scripts/maintenance/architecture/folders";
import { systemGraph } from "../../../scripts/maintenance/architecture/system";
import { drawn, GRAPHS, PAGES, withTables } from "../../../scripts/maintenance/docs";

it.each(Object.entries(PAGES))(
  "docs/%s contains the tables that are generated from the code (`npm run docs` writes them)",
  (name, tables) => {
    const page = fs.readFileSync(path.join(PROJECT_ROOT, "docs", name), "utf8");
    expect(withTables(page, tables)).toBe(page);
  },
);

it("a page that lacks a table's markers causes an error, instead of being written without the table", () => {
  expect(() => withTables("# A page\n", { things: () => "| a |" })).toThrow("no markers for the table things");
});

it.each(Object.entries(GRAPHS))(
  "docs/pictures/%s is up to date (`npm run docs` draws it)",
  (name, graph) => {
    const picture = fs.readFileSync(path.join(PROJECT_ROOT, "docs", "pictures", name), "utf8");
    expect(drawn(graph()) === picture).toBe(true);
  },
  60_000,
);

describe("the system diagram", () => {
  const arrows = systemGraph()
    .split("\n")
    .filter((line) => line.includes("->"));

  it("the diagram has an arrow with the port for each flow in the default configuration", () => {
    for (const { from, to, port = "its own port" } of flows(configSchema.parse({})).filter((f) => f.to !== "dns")) {
      const found = arrows.find((line) => line.includes(`"${from}" -> "${to}"`) && !line.includes("dashed"));
      expect(found).toContain(port === "its own port" ? port : `:${port}`);
    }
  });

  it("marks the flows that exist only with ha, keda or backups", () => {
    const dashed = arrows.filter((line) => line.includes("dashed")).join("\n");
    for (const mark of ["(ha)", "(keda)", "(backups)"]) expect(dashed).toContain(mark);
  });
});

describe("the code diagram", () => {
  it("has no circular imports between folders", () => {
    const arrows = imports();
    for (const folder of arrows.keys()) expect(reached(arrows, folder)).not.toContain(folder);
    expect([...reached(arrows, "main.ts")].sort()).toEqual(["catalog", "config", "dashboards", "modules", "stacks"]);
  });

  it("finds a cycle", () => {
    const cycle = new Map([
      ["stacks", new Set(["modules"])],
      ["modules", new Set(["stacks"])],
    ]);
    expect(() => reached(cycle, "stacks")).toThrow("circular imports: stacks → modules → stacks");
  });
});

it("a folder without a description causes an error, not an empty row", () => {
  expect(() => contents("modules/unknown")).toThrow("modules/unknown/ has no description");
});
