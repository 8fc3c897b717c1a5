/** `npm run help` describes each npm script. */
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { PROJECT_ROOT } from "../../catalog/paths";

const help = (...command: string[]): string => {
  const tsx = path.join(PROJECT_ROOT, "node_modules", "tsx", "dist", "cli.mjs");
  const args = [tsx, path.join(PROJECT_ROOT, "scripts", "cli.ts"), ...command, "--help"];
  return execFileSync(process.execPath, args, { encoding: "utf8", timeout: 60_000 });
};

it("`npm run help` describes every script in package.json", () => {
  const text = help();
  const { scripts } = JSON.parse(fs.readFileSync(path.join(PROJECT_ROOT, "package.json"), "utf8")) as {
    scripts: Record<string, string>;
  };
  const without = Object.keys(scripts).filter((name) => !new RegExp(`^  ${name}( \\S+)* {2,}\\S`, "m").test(text));
  expect(without).toEqual([]);
  expect(text).toMatch(/^Usage: npm run <command> -- \[options\]$/m);
});

it("a command's usage shows what the user must type, including the two dashes without which npm consumes the options", () => {
  expect(help("restore")).toMatch(/^Usage: npm run restore -- \[options\] <file>$/m);
});
