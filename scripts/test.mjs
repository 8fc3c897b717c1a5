// `npm test`: installs what the tests need, then runs every test that needs no cluster.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { install } from "./bootstrap.mjs";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const tools = path.join(root, ".tools", "bin");
process.env.PATH = `${tools}${path.delimiter}${process.env.PATH}`;

const works = (program, ...args) => spawnSync(program, args, { stdio: "ignore" }).status === 0;
const attempt = (program, ...args) =>
  spawnSync(program, args, {
    stdio: "ignore",
    timeout: 300_000,
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
  }).status === 0;

/** Installs a program for the tests: from Debian's packages if possible, otherwise by each of `ways`. */
function provide(what, isInstalled, packages, ...ways) {
  if (isInstalled()) return;
  process.stderr.write(`Installing ${what} for the tests … `);
  const sudo = process.getuid?.() === 0 ? [] : ["sudo", "-n"];
  const apt = (...args) => attempt(...sudo, "apt-get", ...args);
  const get = () => apt("install", "-y", "-qq", "--no-install-recommends", ...packages);
  if (packages.length && works("apt-get", "--version") && !get() && apt("update", "-qq")) get();
  for (const way of ways) if (!isInstalled()) way();
  process.stderr.write(isInstalled() ? "done\n" : "failed: the tests that need it are SKIPPED\n");
}

/** Copies redis-server and redis-cli from the Docker image. */
function redisFromImage() {
  if (!works("docker", "version")) return;
  const image = /redis: "([^"]+)"/.exec(readFileSync(path.join(root, "catalog", "versions.ts"), "utf8"))[1];
  mkdirSync(tools, { recursive: true });
  const created = spawnSync("docker", ["create", image], { encoding: "utf8", timeout: 300_000 });
  const id = (created.stdout ?? "").trim();
  for (const name of id ? ["redis-server", "redis-cli"] : [])
    attempt("docker", "cp", "-L", `${id}:/usr/local/bin/${name}`, path.join(tools, name));
  if (id) attempt("docker", "rm", id);
  // the image's binaries may need libraries that this machine does not have
  if (!hasRedis()) for (const name of ["redis-server", "redis-cli"]) rmSync(path.join(tools, name), { force: true });
}
/** Extracts only promtool, because installing the Debian package would start a Prometheus. */
function promtoolFromDebian() {
  if (!works("apt-get", "--version")) return;
  const dir = mkdtempSync(path.join(tmpdir(), "prometheus-"));
  const download = () =>
    spawnSync("apt-get", ["download", "-qq", "prometheus"], { cwd: dir, stdio: "ignore", timeout: 300_000 });
  if (download().status !== 0 && process.getuid?.() === 0 && attempt("apt-get", "update", "-qq")) download();
  const [archive] = readdirSync(dir);
  if (archive && attempt("dpkg", "-x", path.join(dir, archive), dir)) {
    mkdirSync(tools, { recursive: true });
    cpSync(path.join(dir, "usr", "bin", "promtool"), path.join(tools, "promtool"));
  }
  rmSync(dir, { recursive: true });
}
const hasRedis = () => works("redis-server", "--version") && works("redis-cli", "--version");
const brew = (...packages) => works("brew", "--version") && attempt("brew", "install", ...packages);

const image = (name) => path.join(root, "images", name);
const folders = { root, node: image("node"), react: image("react"), scaler: image("scaler") };
// the tests also draw a load chart, and run the prose check
const tested = ["drawing", "prose"].map((name) => path.join(root, "scripts", name));
for (const folder of [...Object.values(folders), ...tested]) install(folder);
provide("redis-server", hasRedis, ["redis-server", "redis-tools"], () => brew("redis"), redisFromImage);
// the same paths as in images/react/test/browser/browser.ts
const browsers = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome", process.env.CHROMIUM];
const apple = ["Google Chrome", "Chromium"].map((name) => `/Applications/${name}.app/Contents/MacOS/${name}`);
provide("Chromium", () => [...browsers, ...apple].some((file) => file && existsSync(file)), ["chromium"]);
const hasPromtool = () => works("promtool", "--version");
provide("promtool", hasPromtool, [], promtoolFromDebian, () => brew("prometheus"));
const hasNginx = () => works("nginx", "-v") && works("envsubst", "--version");
provide("nginx", hasNginx, ["nginx-light", "gettext-base"], () => brew("nginx", "gettext"));

const out = mkdtempSync(path.join(tmpdir(), "iacproject-results-"));
const given = process.argv.slice(2);
// a filter may match tests in only one suite
const filter = given.length ? [...given, "--passWithNoTests"] : [];
const vitest = (file) => ["--reporter=default", "--reporter=json", `--outputFile.json=${file}`, ...filter];
const quiet = (file) => ["run", "--silent", ...vitest(file)];
/** Their tests run real Redis processes, and mostly wait. */
const redisScripts = ["test/modules/redis/scripts", "test/scripts/redis"];
const suites = [
  {
    name: "layers and scripts",
    cwd: root,
    bin: "jest/bin/jest.js",
    args: (file) => [
      "--json",
      `--outputFile=${file}`,
      ...["/test/e2e/", ...redisScripts.map((folder) => `/${folder}/`)].flatMap((p) => ["--testPathIgnorePatterns", p]),
      ...filter,
    ],
  },
  {
    name: "scripts of the Redis pods",
    cwd: root,
    bin: "jest/bin/jest.js",
    args: (file) => ["--json", `--outputFile=${file}`, ...redisScripts.flatMap((r) => ["--roots", r]), ...filter],
  },
  {
    name: "API",
    cwd: folders.node,
    bin: "vitest/vitest.mjs",
    args: quiet,
  },
  {
    name: "scaler",
    cwd: folders.scaler,
    bin: "vitest/vitest.mjs",
    args: quiet,
  },
  {
    name: "page",
    cwd: folders.react,
    bin: "vitest/vitest.mjs",
    args: (file) => ["run", ...vitest(file)],
  },
];
const total = { passed: 0, failed: 0, skipped: 0 };
let broken = 0;

/** Runs one suite. Its output is shown when the suite ends, unless the suite is `live`. */
async function run(suite, live) {
  const file = path.join(out, `${suites.indexOf(suite)}.json`);
  if (live) console.log(`\n── ${suite.name}`);
  const child = spawn(process.execPath, [path.join(suite.cwd, "node_modules", suite.bin), ...suite.args(file)], {
    cwd: suite.cwd,
    stdio: ["ignore", live ? "inherit" : "pipe", live ? "inherit" : "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding("utf8").on("data", (chunk) => (output += chunk));
  const [status] = await once(child, "close");
  if (!live) process.stdout.write(`\n── ${suite.name}\n${output}`);
  if (existsSync(file)) {
    const result = JSON.parse(readFileSync(file, "utf8"));
    total.passed += result.numPassedTests;
    total.failed += result.numFailedTests;
    total.skipped += result.numPendingTests + (result.numTodoTests ?? 0);
    // a test file that fails to load reports no failed test
    if (status !== 0 && result.numFailedTests === 0) broken++;
  } else broken++;
}

// The first suite uses the CPU; the others mostly wait for Redis, nginx and the browser. Those of the images run one
// after the other, because they would disturb each other's timing.
const [layers, redis, ...waiting] = suites;
await Promise.all([
  run(layers, true),
  run(redis, false),
  (async () => {
    for (const suite of waiting) await run(suite, false);
  })(),
]);
rmSync(out, { recursive: true });
if (total.skipped) console.log(`\n!!! ${total.skipped} tests were SKIPPED; see the reasons above.`);
console.log(`\n${total.passed} passed, ${total.failed + broken} failed, ${total.skipped} skipped`);
const none = total.passed + total.failed + broken + total.skipped === 0;
if (none) console.log(`No test file matches ${given.join(" ")}.`);
process.exit(total.failed + broken || none ? 1 : 0);
