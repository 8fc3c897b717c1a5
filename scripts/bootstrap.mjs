// Runs a command of the project, even on a fresh clone: installs the dependencies if they are missing
// or older than the lock file, then runs scripts/cli.ts. This file itself has no dependencies.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");

const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`Node.js ${process.versions.node} is too old. Install 20.19 or later: https://nodejs.org`);
  process.exit(1);
}

/** npm writes node_modules/.package-lock.json last, so its timestamp is that of the last complete installation. */
export function install(folder) {
  const done = path.join(folder, "node_modules", ".package-lock.json");
  const lock = path.join(folder, "package-lock.json");
  if (existsSync(done) && statSync(done).mtimeMs >= statSync(lock).mtimeMs) return;
  const name = path.relative(root, folder) || "the project";
  const begin = Date.now();
  process.stderr.write(`Installing the dependencies of ${name} … `);
  // NODE_ENV=production would leave out Vite and the tests' tools, and the installation would count as complete
  const result = spawnSync("npm", ["ci", "--include=dev", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: folder,
    encoding: "utf8",
    shell: process.platform === "win32",
    timeout: 600_000,
  });
  if (result.status !== 0) {
    process.stderr.write(`failed\n${result.stdout ?? ""}${result.stderr ?? ""}\n`);
    process.stderr.write(
      `npm could not install the dependencies of ${name}. Fix the error above (is the npm registry reachable?), then run the command again.\n`,
    );
    process.exit(1);
  }
  process.stderr.write(`${((Date.now() - begin) / 1000).toFixed(0)} s\n`);
}

/**
 * Runs a TypeScript file of the project in this terminal, and resolves with its exit code. The program gets Ctrl+C
 * directly from the terminal; SIGTERM is forwarded to it. tsx's own command would kill a process that does not respond
 * to Ctrl+C within 60 ms, which is too short on a busy machine.
 */
export function runScript(file, args) {
  const tsx = pathToFileURL(path.join(root, "node_modules", "tsx", "dist", "loader.mjs")).href;
  // the machine's own programs take precedence over those from `npm run tools`
  const env = { ...process.env, PATH: [process.env.PATH, path.join(root, ".tools", "bin")].join(path.delimiter) };
  const child = spawn(process.execPath, ["--import", tsx, path.resolve(root, file), ...args], {
    stdio: "inherit",
    env,
  });
  process.on("SIGINT", () => {});
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve(code ?? 1));
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  install(root);
  process.exit(await runScript("scripts/cli.ts", process.argv.slice(2)));
}
