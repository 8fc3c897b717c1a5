/** `npm run help` describes each npm script. */
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { PROJECT_ROOT } from "../../catalog/paths";

it("npm run help has a description of every script in package.json", () => {
  const tsx = path.join(PROJECT_ROOT, "node_modules", "tsx", "dist", "cli.mjs");
  const help = execFileSync(process.execPath, [tsx, path.join(PROJECT_ROOT, "scripts", "cli.ts"), "--help"], {
    encoding: "utf8",
    timeout: 60_000,
  });
  const { scripts } = JSON.parse(fs.readFileSync(path.join(PROJECT_ROOT, "package.json"), "utf8")) as {
    scripts: Record<string, string>;
  };
  const without = Object.keys(scripts).filter((name) => !new RegExp(`^  ${name}( \\S+)* {2,}\\S`, "m").test(help));
  expect(without).toEqual([]);
});
