/**
 * Ctrl+C and SIGTERM: running programs finish, and no new ones start.
 *
 * Terraform treats the first interrupt as "finish the current operations and save the state", the second as "exit
 * immediately". On Ctrl+C, the terminal sends SIGINT to Terraform and to this process, so if this process exited,
 * Terraform would get a second interrupt.
 */
import type { ChildProcess } from "node:child_process";
import { Failure } from "./ui";

/** Exit code of an interrupted run. */
export const INTERRUPTED = 130;

const children = new Set<Pick<ChildProcess, "kill">>();
let interrupted = false;
let interruptedAt = 0;
let customHandler: (() => void) | undefined;

/**
 * npm forwards a SIGINT that the terminal has already sent to the whole process group; within this time, in ms, both
 * count as one.
 */
const SAME_INTERRUPT_MS = 1000;

/** Tracks a program while it runs. */
export async function running<T>(child: Pick<ChildProcess, "kill">, work: Promise<T>): Promise<T> {
  children.add(child);
  try {
    return await work;
  } finally {
    children.delete(child);
  }
}

/** @throws Failure after an interrupt */
export function throwIfInterrupted(): void {
  if (interrupted)
    throw new Failure("Stopped on request.", "Run the command again; it continues where it stopped.", INTERRUPTED);
}

/** For a command that changes nothing on a cluster: `run` handles every interrupt instead. */
export function onInterrupt(run: () => void): void {
  customHandler = run;
}

/** Installs the handlers. A second interrupt exits immediately. */
export function handleInterrupts(): void {
  const handler = (relay: boolean) => () => {
    if (customHandler) return customHandler();
    if (interrupted && Date.now() - interruptedAt < SAME_INTERRUPT_MS) return;
    if (interrupted) process.exit(INTERRUPTED);
    interrupted = true;
    interruptedAt = Date.now();
    process.stderr.write("\nStopping after the operation in progress. Interrupt again to exit immediately.\n");
    // on Ctrl+C, the programs get the terminal's SIGINT; SIGTERM reaches only this process
    if (relay) for (const child of children) child.kill("SIGINT");
  };
  process.on("SIGINT", handler(false));
  process.on("SIGTERM", handler(true));
}
