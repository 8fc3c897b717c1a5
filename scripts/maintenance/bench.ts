/** `npm run bench -- NAME`: runs a benchmark on this machine and writes its figures to docs/benchmarks.md. */
import * as fs from "node:fs";
import * as path from "node:path";
import { PROJECT_ROOT } from "../../catalog/paths";
import { installFolders } from "../toolbox/npm-install";
import { bold, Failure, say } from "../terminal/ui";

const DIR = path.join(PROJECT_ROOT, "bench");
/** Timeouts, in minutes; benchmarks that wait for a cluster take longer. */
const LIMIT_MINUTES = 20;
const LIMITS: Readonly<Record<string, number>> = {
  reaction: 150,
  ledger: 60,
  history: 90,
  durability: 30,
  targets: 60,
};

/** All benchmarks, each with its description, which is the first line of its file. */
export const benches = (): ReadonlyMap<string, string> =>
  new Map(
    fs
      .readdirSync(DIR)
      .filter((file) => file.endsWith(".ts") && file !== "lib.ts")
      .map((file) => [
        file.replace(".ts", ""),
        // the first comment, whose lines may start with an asterisk
        /^\/\*\*(.*?)\*\//s
          .exec(fs.readFileSync(path.join(DIR, file), "utf8"))?.[1]!
          .replace(/\s+(\* )?/g, " ")
          .trim() ?? "",
      ]),
  );

export async function bench(name: string): Promise<number> {
  if (!benches().has(name)) {
    throw new Failure(`There is no benchmark ${name}.`, `Benchmarks: ${[...benches().keys()].join(", ")}`);
  }
  const { execa } = await import("execa");
  for (const program of ["redis-server", "redis-cli"]) {
    const { failed } = await execa(program, ["--version"], { reject: false });
    if (failed) throw new Failure(`${program} is not installed.`, "Install it, or run `npm test`, which tries to.");
  }
  say(bold(`Benchmark ${name}: ${benches().get(name)}`));
  // the programs to compare with, and the API's own dependencies
  await installFolders("bench", "images/node", "images/react");
  const { exitCode } = await execa(process.execPath, ["--import", "tsx", path.join(DIR, `${name}.ts`)], {
    cwd: PROJECT_ROOT,
    stdio: "inherit",
    reject: false,
    timeout: (LIMITS[name] ?? LIMIT_MINUTES) * 60_000,
  });
  return exitCode ?? 1;
}
