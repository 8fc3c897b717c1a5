/** Commands that a page tells its readers to type, as they stand there. */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import * as fs from "node:fs";
import { command, projectPath } from "./system";

const BEGIN = "<!-- each of these is run by the core end-to-end test: begin -->";
/** Longest wait until an address is forwarded, ms. */
const FORWARD_MS = 30_000;
const SHORT_MS = 60_000;
/** What never ends, wants something filled in, or has a test of its own (a load takes minutes, and k6's image). */
const ELSEWHERE = /--watch|--follow|\b(FILE|ID)\b|npm run (load|rotate)\b/;

/** The commands between the page's marks, in order. */
export function toldBy(page: string): string[] {
  const [, marked = ""] = fs.readFileSync(projectPath(page), "utf8").split(BEGIN);
  return [...marked.split("<!-- end -->")[0]!.matchAll(/`((?:kubectl|npm run|curl) [^`]+)`/g)]
    .map(([, text]) => text!.replaceAll("\\|", "|"))
    .filter((text) => !ELSEWHERE.test(text));
}

/** A forwarded address stays open until {@link close} is called. */
async function forwarding(line: string): Promise<ChildProcess> {
  const child = spawn("sh", ["-c", `exec ${line}`], { stdio: ["ignore", "pipe", "pipe"] });
  let heard = "";
  await new Promise<void>((resolve, reject) => {
    const fail = (why: string) => reject(new Error(`${line}: ${why}: ${heard}`));
    const timer = setTimeout(() => fail(`nothing is forwarded after ${FORWARD_MS / 1000} s`), FORWARD_MS);
    const hear = (chunk: Buffer) => {
      heard += chunk.toString();
      if (!heard.includes("Forwarding from")) return;
      clearTimeout(timer);
      resolve();
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    child.on("exit", (code) => {
      clearTimeout(timer);
      fail(`ended with ${code}`);
    });
  }).catch((error: unknown) => {
    child.kill();
    throw error;
  });
  return child;
}

/** Runs all of them as a reader would, in one sitting; returns those that failed. */
export async function runAll(lines: readonly string[], env: Readonly<Record<string, string>>): Promise<string[]> {
  const open: ChildProcess[] = [];
  const failed: string[] = [];
  try {
    for (const line of lines) {
      if (line.includes(" port-forward ")) open.push(await forwarding(line));
      else if (line.startsWith("npm run ")) {
        if ((await command("sh", ["-c", line], { env })).code !== 0) failed.push(line);
        // its answer may be a password, which nobody keeps
      } else if (spawnSync("sh", ["-c", line], { timeout: SHORT_MS, stdio: "ignore" }).status !== 0) failed.push(line);
    }
  } finally {
    for (const child of open) child.kill();
  }
  return failed;
}
