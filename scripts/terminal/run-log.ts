/**
 * Run logs, for diagnosing failures: `.state/logs` contains the output of the latest commands and of the programs that
 * they ran.
 */
import * as fs from "node:fs";
import * as path from "node:path";
import { stripVTControlCharacters } from "node:util";

/** Run logs to keep. */
const KEEP = 20;

let file: string | undefined;

/** Starts the run log of one command and deletes all but the newest {@link KEEP}. Until then, nothing is logged. */
export function startRunLog(dir: string, command: string): void {
  try {
    fs.mkdirSync(dir, { recursive: true });
    const logs = fs.readdirSync(dir).filter((name) => name.endsWith(".log"));
    for (const old of logs.sort().slice(0, Math.max(0, logs.length - KEEP + 1))) fs.rmSync(path.join(dir, old));
    const stamp = new Date().toISOString().replaceAll(/[:.]/g, "-").slice(0, 19);
    file = path.join(dir, `${stamp}-${command.split(" ")[0]}.log`);
    fs.writeFileSync(file, `npm run ${command}\n`, { mode: 0o600 });
  } catch {
    // an unwritable folder must not block a deployment
    file = undefined;
  }
}

/** Writes one entry: the time and the text; further lines are indented. */
export function note(text: string): void {
  if (file === undefined) return;
  const plain = stripVTControlCharacters(text).trimEnd();
  if (!plain) return;
  try {
    fs.appendFileSync(file, `${new Date().toISOString().slice(11, 23)} ${plain.replaceAll("\n", "\n  ")}\n`);
  } catch {
    file = undefined;
  }
}

/** For tests. */
export const closeRunLog = (): void => void (file = undefined);
