/** Runs the commands documented on a page, exactly as written. */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import * as fs from "node:fs";
import { command, projectPath } from "./system";

const BEGIN = "<!-- each of these is run by the core end-to-end test: begin -->";
/** Longest wait until an address is forwarded, in ms. */
const FORWARD_MS = 30_000;
const SHORT_MS = 60_000;
/**
 * Commands not run here: they never end, need a value filled in, or have their own test (a load takes minutes and needs
 * k6's image).
 */
const SKIPPED = /--watch|--follow|\b(FILE|ID)\b|npm run (load|rotate)\b/;

/** The commands between the page's markers, in order. */
export function commandsIn(page: string): string[] {
  const [, marked = ""] = fs.readFileSync(projectPath(page), "utf8").split(BEGIN);
  return [...marked.split("<!-- end -->")[0]!.matchAll(/`((?:kubectl|npm run|curl) [^`]+)`/g)]
    .map(([, text]) => text!.replaceAll("\\|", "|"))
    .filter((text) => !SKIPPED.test(text));
}

/** A forwarded address stays open until {@link close} is called. */
async function forwarding(line: string): Promise<ChildProcess> {
  const child = spawn("sh", ["-c", `exec ${line}`], { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  await new Promise<void>((resolve, reject) => {
    const fail = (why: string) => reject(new Error(`${line}: ${why}: ${output}`));
    const timer = setTimeout(() => fail(`nothing is forwarded after ${FORWARD_MS / 1000} s`), FORWARD_MS);
    const read = (chunk: Buffer) => {
      output += chunk.toString();
      if (!output.includes("Forwarding from")) return;
      clearTimeout(timer);
      resolve();
    };
    child.stdout.on("data", read);
    child.stderr.on("data", read);
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

/** Runs the commands in order, as a reader would, and returns those that failed. */
export async function runAll(lines: readonly string[], env: Readonly<Record<string, string>>): Promise<string[]> {
  const open: ChildProcess[] = [];
  const failed: string[] = [];
  try {
    for (const line of lines) {
      if (line.includes(" port-forward ")) open.push(await forwarding(line));
      else if (line.startsWith("npm run ")) {
        if ((await command("sh", ["-c", line], { env })).code !== 0) failed.push(line);
        // discarded, because the output may contain a password
      } else if (spawnSync("sh", ["-c", line], { timeout: SHORT_MS, stdio: "ignore" }).status !== 0) failed.push(line);
    }
  } finally {
    for (const child of open) child.kill();
  }
  return failed;
}
