import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { pathToFileURL } from "node:url";
import { PROJECT_ROOT } from "../../../catalog/paths";

const TSX = pathToFileURL(require.resolve("tsx")).href;
/** Longer than a test may take, so only the time limit can end the run. */
const FOREVER_S = 300;

it("a program that does not finish is ended and its output returned, even if a child process keeps the output open", () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-test-"));
  const pidFile = path.join(folder, "pid");
  const file = path.join(folder, "run.ts");
  const script = `sleep ${FOREVER_S} & echo $! >${pidFile}; echo "open this page in your browser" >&2; wait`;
  fs.writeFileSync(
    file,
    `import { run } from ${JSON.stringify(path.join(PROJECT_ROOT, "scripts/terminal/run-program"))};
     run("sh", ["-c", ${JSON.stringify(script)}], { timeoutMs: 2000, graceMs: 100 }).catch((error) => {
       process.stdout.write(JSON.stringify({ ...error, message: error.message }));
       process.exit(0);
     });`,
  );
  try {
    const { stdout } = spawnSync(process.execPath, ["--import", TSX, file], { encoding: "utf8", timeout: 20_000 });
    expect(JSON.parse(stdout || "{}")).toMatchObject({
      output: "open this page in your browser",
      message: expect.stringContaining("did not finish within 2 s"),
    });
  } finally {
    process.kill(Number(fs.readFileSync(pidFile, "utf8")));
    fs.rmSync(folder, { recursive: true });
  }
});
