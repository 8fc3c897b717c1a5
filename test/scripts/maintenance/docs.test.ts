import * as fs from "node:fs";
import * as path from "node:path";
import { PROJECT_ROOT } from "../../../catalog/paths";
import { PAGES, withTables } from "../../../scripts/maintenance/docs";

it.each(Object.entries(PAGES))(
  "docs/%s has the tables generated from the code (npm run docs writes them)",
  (name, tables) => {
    const page = fs.readFileSync(path.join(PROJECT_ROOT, "docs", name), "utf8");
    expect(withTables(page, tables)).toBe(page);
  },
);

it("a page without the markers of a table is an error, not a page without the table", () => {
  expect(() => withTables("# A page\n", { things: () => "| a |" })).toThrow("no markers for the table things");
});
