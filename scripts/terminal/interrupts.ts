/**
 * ^C and SIGTERM: what is running ends by itself, nothing new is started.
 *
 * Terraform takes one interrupt as "finish what you are doing and keep the state", a second as
 * "exit at once". On ^C the terminal interrupts it as well as us; ending here at once would
 * send it the second.
 */
import type { ChildProcess } from "node:child_process";
import { Failure } from "./ui";

/** Exit code of a run that was asked to stop. */
export const INTERRUPTED = 130;

const children = new Set<Pick<ChildProcess, "kill">>();
let stopped = false;
let other: (() => void) | undefined;
let since = 0;

/** npm and others pass a ^C on that the terminal has given to all of us: that is one request, ms. */
const SAME_REQUEST_MS = 1000;

/** Keeps track of a program while it runs. */
export async function running<T>(child: Pick<ChildProcess, "kill">, work: Promise<T>): Promise<T> {
  children.add(child);
  try {
    return await work;
  } finally {
    children.delete(child);
  }
}

/** Throws where somebody has asked to stop. */
export function throwIfInterrupted(): void {
  if (stopped) throw new Failure("Stopped on request.", "Run it again: it goes on where it was.", INTERRUPTED);
}

/** For a command that changes nothing of a cluster: `run` takes the requests instead, all of them. */
export function onInterrupt(run: () => void): void {
  other = run;
}

/** Installs the handlers; a second request ends the process at once. */
export function handleInterrupts(): void {
  const ask = (relay: boolean) => () => {
    if (other) return other();
    if (stopped && Date.now() - since < SAME_REQUEST_MS) return;
    if (stopped) process.exit(INTERRUPTED);
    stopped = true;
    since = Date.now();
    process.stderr.write("\nStopping: what is being changed is finished first. Once more ends at once.\n");
    // a terminal has told the programs already; whoever sent SIGTERM told only this process
    if (relay) for (const child of children) child.kill("SIGINT");
  };
  process.on("SIGINT", ask(false));
  process.on("SIGTERM", ask(true));
}
