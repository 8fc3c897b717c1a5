/** One run at a time in a checkout: what it synthesizes and plans lies in one folder, and two would read each other's. */
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
    // somebody else's process is one all the same
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
 * Holds `file` until this process ends; one that a dead process left is taken.
 * @throws Failure that names who holds it
 */
export function acquireLock(file: string, command: string): void {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  const mine = JSON.stringify({ pid: process.pid, command, at: new Date().toISOString() } satisfies Holder);
  for (;;) {
    try {
      fs.writeFileSync(file, mine, { flag: "wx" });
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
        `npm run ${holder.command} works in this folder since ${since} UTC (process ${holder.pid}).`,
        `Wait for it to end. If there is no such run, delete ${file}.`,
      );
    }
    fs.rmSync(file, { force: true });
  }
}
