/** Runs programs: without a shell, with a timeout, and with the program's output in the error. */
import { note } from "./run-log";
import { throwIfInterrupted, running } from "./interrupts";
import { Failure } from "./ui";

export interface RunOptions {
  readonly cwd?: string;
  /** Timeout, in ms. */
  readonly timeoutMs: number;
  readonly input?: string;
  /** Called for each line of standard output as it arrives. */
  readonly onLine?: (line: string) => void;
  /** Exit codes other than 0 that mean success. */
  readonly accept?: readonly number[];
  readonly env?: Readonly<Record<string, string>>;
  /**
   * Time that a program has to exit after the timeout before it is killed, in ms.
   * @default 30 s: Terraform saves its state
   */
  readonly graceMs?: number;
}
export interface RunResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}
/** Tests pass a stub of this type that records the commands. */
export type Run = (program: string, args: readonly string[], options: RunOptions) => Promise<RunResult>;

export class RunError extends Failure {
  constructor(
    readonly command: string,
    readonly code: number | undefined,
    readonly output: string,
    message: string,
  ) {
    super(message);
  }
}

/** Time to read the remaining output of a terminated program, in ms. */
const DRAIN_MS = 500;

export const run: Run = async (program, args, options) => {
  throwIfInterrupted();
  const command = `${program} ${args.join(" ")}`;
  const begin = Date.now();
  const took = () => `${((Date.now() - begin) / 1000).toFixed(1)} s`;
  // execa is an ES module; cdktf requires CommonJS here
  const { execa, ExecaError } = await import("execa");
  try {
    const child = execa(program, args, {
      ...(options.cwd ? { cwd: options.cwd } : {}),
      timeout: options.timeoutMs,
      ...(options.input === undefined ? { stdin: "ignore" as const } : { input: options.input }),
      ...(options.env ? { env: options.env } : {}),
      // terraform exits cleanly on SIGINT; SIGKILL would leave its lock behind
      killSignal: "SIGINT",
      forceKillAfterDelay: options.graceMs ?? 30_000,
    });
    // a program that it started, such as a kubeconfig's login, may outlive it and keep its output open
    child.once("exit", () => {
      if (Date.now() - begin < options.timeoutMs) return;
      setTimeout(() => [child.stdout, child.stderr].forEach((stream) => stream?.destroy()), DRAIN_MS);
    });
    const ended = async () => {
      if (options.onLine) for await (const line of child.iterable({ from: "stdout" })) options.onLine(line);
      return child;
    };
    const { stdout, stderr } = await running(child, ended());
    note(`$ ${command}: ${took()}`);
    return { code: 0, stdout, stderr };
  } catch (error) {
    note(`$ ${command}: ${took()}, ${(error as Error).message}`);
    // report the interrupt, not the failure that it caused
    throwIfInterrupted();
    if (!(error instanceof ExecaError)) throw error;
    const { exitCode, timedOut } = error;
    const out = { stdout: String(error.stdout ?? ""), stderr: String(error.stderr ?? "") };
    if (exitCode !== undefined && options.accept?.includes(exitCode)) return { code: exitCode, ...out };
    if (error.code === "ENOENT") {
      throw new RunError(command, undefined, "", `${program} is not installed. See: npm run doctor`);
    }
    // terraform -json reports errors on stdout
    const output = (out.stderr || out.stdout).trim();
    const what = timedOut
      ? `did not finish within ${options.timeoutMs / 1000} s`
      : `failed (exit code ${exitCode ?? "none"})`;
    throw new RunError(command, exitCode, output, `${command} ${what}${output ? `:\n${tail(output)}` : ""}`);
  }
};

const tail = (text: string, lines = 15): string => text.split("\n").slice(-lines).join("\n");
