/** What the last commands said and which programs they ran: `.state/logs`, for whoever has to find out what went wrong. */
import * as fs from "node:fs";
import * as path from "node:path";
import { stripVTControlCharacters } from "node:util";

/** Files that are kept. */
const KEEP = 20;

let file: string | undefined;

/** Begins the journal of one command; older ones than the newest {@link KEEP} go. Without it nothing is written. */
export function startRunLog(dir: string, command: string): void {
  try {
    fs.mkdirSync(dir, { recursive: true });
    const logs = fs.readdirSync(dir).filter((name) => name.endsWith(".log"));
    for (const old of logs.sort().slice(0, Math.max(0, logs.length - KEEP + 1))) fs.rmSync(path.join(dir, old));
    const stamp = new Date().toISOString().replaceAll(/[:.]/g, "-").slice(0, 19);
    file = path.join(dir, `${stamp}-${command.split(" ")[0]}.log`);
    fs.writeFileSync(file, `npm run ${command}\n`, { mode: 0o600 });
  } catch {
    // a folder that cannot be written to is no reason not to deploy
    file = undefined;
  }
}

/** One entry: a line with its moment, more lines below it. */
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
