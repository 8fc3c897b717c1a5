// `npm run lint`: checks types, rules, formatting and spelling. `--fix` fixes what can be fixed automatically.
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { install } from "./bootstrap.mjs";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const fix = process.argv.includes("--fix");
const folders = [root, ...["node", "react", "scaler"].map((image) => path.join(root, "images", image))];
/** Packages that use the root's compiler. */
const others = ["bench", "scripts/drawing", "scripts/prose"].map((folder) => path.join(root, folder));
for (const folder of [...folders, ...others]) install(folder);

const spelling = path.join(root, "scripts", "spelling");
install(spelling);

const bin = (folder, file) => path.join(folder, "node_modules", file);
const checks = [
  ...folders.map((folder) => [
    `types of ${path.relative(root, folder) || "the project"}`,
    process.execPath,
    [bin(folder, "typescript/bin/tsc"), "-p", folder],
  ]),
  ...others.map((folder) => [
    `types of ${path.relative(root, folder)}`,
    process.execPath,
    [bin(root, "typescript/bin/tsc"), "-p", folder],
  ]),
  [
    "import rules (each with its reason in .dependency-cruiser.cjs)",
    process.execPath,
    [bin(root, "dependency-cruiser/bin/dependency-cruise.mjs"), "--output-type=err-long", "."],
  ],
  ["rules", process.execPath, [bin(root, "eslint/bin/eslint.js"), "--max-warnings=0", ...(fix ? ["--fix"] : []), "."]],
  [
    "formatting",
    process.execPath,
    [bin(root, "prettier/bin/prettier.cjs"), fix ? "--write" : "--check", "--log-level=warn", "."],
  ],
  [
    "spelling (add a correct word to scripts/spelling/words.txt, a French one to mots.txt)",
    process.execPath,
    [bin(spelling, "cspell/bin.mjs"), "lint", "--config=scripts/spelling/cspell.yaml", "--no-progress", "--no-summary"],
  ],
  [
    "prose (each line shows what to write instead; `node --import tsx scripts/prose/check.ts FILE` checks only some files)",
    process.execPath,
    ["--import", "tsx", "scripts/prose/check.ts"],
  ],
  [
    "rapport.pdf",
    process.execPath,
    [path.join(root, "scripts", "bootstrap.mjs"), "rapport", fix ? "" : "--check"].filter(Boolean),
  ],
];
const scripts = [".ci", "scripts", "modules/redis/scripts", "images/react/nginx"].flatMap((folder) =>
  readdirSync(path.join(root, folder), { withFileTypes: true })
    .filter((f) => f.isFile() && readFileSync(path.join(root, folder, f.name), "utf8").startsWith("#!/bin/sh"))
    .map((f) => `${folder}/${f.name}`),
);
if (spawnSync("shellcheck", ["--version"], { stdio: "ignore" }).status === 0)
  checks.push(["shell scripts", "shellcheck", ["-x", ...scripts]]);
else console.log("– shell scripts: SKIPPED, because shellcheck is not installed");

let failed = 0;
for (const [name, program, args] of checks) {
  const begin = Date.now();
  const { status, stdout, stderr } = spawnSync(program, args, { cwd: root, encoding: "utf8" });
  console.log(`${status === 0 ? "✓" : "✗"} ${name} (${((Date.now() - begin) / 1000).toFixed(1)} s)`);
  if (status !== 0) {
    failed++;
    console.log(stdout + stderr);
  }
}
process.exit(failed ? 1 : 0);
