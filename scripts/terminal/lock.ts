/** One run at a time per checkout: all runs synthesize and plan in the same folder. */
import * as fs from "node:fs";
import * as path from "node:path";
import { Failure } from "./ui";

interface Holder {
  readonly pid: number;
  readonly command: string;
  readonly at: string;
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: the process exists and belongs to another user
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
};

const read = (file: string): Holder | undefined => {
  try {
    return JSON.parse(fs.readFileSync(file, "utf8")) as Holder;
  } catch {
    return undefined;
  }
};

/**
 * Holds `file` as a lock until this process exits; replaces a lock that a dead process left behind.
 * @throws Failure that names the process that holds it
 */
export function acquireLock(file: string, command: string): void {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  const content = JSON.stringify({ pid: process.pid, command, at: new Date().toISOString() } satisfies Holder);
  for (;;) {
    try {
      fs.writeFileSync(file, content, { flag: "wx" });
      process.on("exit", () => {
        if (read(file)?.pid === process.pid) fs.rmSync(file, { force: true });
      });
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const holder = read(file);
    if (holder && isAlive(holder.pid)) {
      const since = holder.at.slice(0, 19).replace("T", " ");
      throw new Failure(
        `npm run ${holder.command} has been running in this folder since ${since} UTC (process ${holder.pid}).`,
        `Wait until it ends. If process ${holder.pid} is a different program, delete ${file}.`,
      );
    }
    fs.rmSync(file, { force: true });
  }
}
