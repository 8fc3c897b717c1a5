/** A project command that the test interrupts. */
import { spawn } from "node:child_process";
import { projectPath, STATE_DIR, type Outcome } from "./system";

export interface BackgroundRun {
  readonly ended: Promise<Outcome>;
  /** Signals all of the command's processes, as a terminal does. */
  signal(name: NodeJS.Signals): void;
}

/** Starts `npm run ARGS` in its own process group. */
export function startRun(env: Readonly<Record<string, string>>, ...args: readonly string[]): BackgroundRun {
  const child = spawn("npm", ["run", "-s", ...args], {
    cwd: projectPath(),
    env: { ...process.env, IAC_STATE_DIR: STATE_DIR, ...env },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const ended = new Promise<Outcome>((resolve) =>
    child.on("close", (code) => {
      process.stdout.write(output);
      resolve({ code: code ?? -1, output, seconds: 0 });
    }),
  );
  return { ended, signal: (name) => void process.kill(-child.pid!, name) };
}
