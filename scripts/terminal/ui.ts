/** Terminal output: the same format for all commands. */
import { note } from "./run-log";
import { stripVTControlCharacters, styleText } from "node:util";

const tty = process.stdout.isTTY;
type Style = Parameters<typeof styleText>[0];
const paint = (style: Style, text: string) => (tty ? styleText(style, text) : text);

export const bold = (text: string): string => paint("bold", text);
export const dim = (text: string): string => paint("dim", text);
export const green = (text: string): string => paint("green", text);
export const red = (text: string): string => paint("red", text);
export const yellow = (text: string): string => paint("yellow", text);

export const say = (text = ""): void => {
  note(text);
  process.stdout.write(`${text}\n`);
};

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

/** An expected failure, with what failed, why, and the next step. It is shown without a stack trace. */
export class Failure extends Error {
  constructor(
    message: string,
    readonly next?: string,
    readonly exitCode = 1,
  ) {
    super(message);
    this.name = "Failure";
  }
}

/** Pads columns to their widest cell; colour codes do not count. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((cell, i) => (widths[i] = Math.max(widths[i] ?? 0, stripVTControlCharacters(cell).length)));
  return rows
    .map((row) =>
      row
        .map((cell, i) => cell + " ".repeat(widths[i]! - stripVTControlCharacters(cell).length))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** Interval at which a step prints its progress if there is no terminal, in ms. */
export const PROGRESS_MS = 15_000;

/** A step that takes time: shows its progress, and prints one line when it ends. */
export class Step {
  private readonly begin = Date.now();
  private readonly timer: NodeJS.Timeout;
  private now = "";
  /** Steps in progress; only the first one draws, so that lines do not mix. */
  private static readonly running = new Set<Step>();

  constructor(private readonly name: string) {
    Step.running.add(this);
    this.timer = (
      tty ? setInterval(() => this.draw(), 200) : setInterval(() => say(this.line(" ", this.now)), PROGRESS_MS)
    ).unref();
  }

  /** Sets the progress text. */
  doing(text: string): void {
    this.now = text;
  }

  private line(mark: string, text: string): string {
    return `${mark} ${this.name.padEnd(14)} ${seconds(Date.now() - this.begin).padStart(7)}  ${text}`;
  }

  private draw(): void {
    if ([...Step.running][0] !== this) return;
    const others = [...Step.running].slice(1).map((s) => s.name);
    const line = `${this.line(" ", this.now)}${others.length ? ` (also ${others.join(", ")})` : ""}`;
    // a line break would leave parts of the line behind
    process.stdout.write(`${CLEAR}${line.replaceAll("\n", " ").slice(0, (process.stdout.columns ?? 80) - 1)}`);
  }

  private end(mark: string, text: string): void {
    clearInterval(this.timer);
    Step.running.delete(this);
    announce(this.line(mark, text));
  }

  done(text: string): void {
    this.end(green("✓"), text);
  }

  failed(text: string): void {
    this.end(red("✗"), text);
  }
}

/** Clears the line that a step draws. */
const CLEAR = "\r\u001b[2K";

/** Prints a line while a step is in progress. */
export function announce(text: string): void {
  if (tty) process.stdout.write(CLEAR);
  say(text);
}

/** Runs `work` as a step; the text that it returns is the step's last line. */
export async function inStep(name: string, work: (step: Step) => Promise<string>): Promise<void> {
  const step = new Step(name);
  try {
    step.done(await work(step));
  } catch (error) {
    step.failed("failed");
    throw error;
  }
}

/** Asks the user on the terminal; false if there is no terminal. */
export async function confirm(question: string): Promise<boolean> {
  if (!process.stdin.isTTY) return false;
  const readline = await import("node:readline/promises");
  const io = readline.createInterface({ input: process.stdin, output: process.stdout });
  io.on("SIGINT", () => process.exit(130));
  try {
    return /^y(es)?$/i.test((await io.question(`${question} [y/N] `)).trim());
  } finally {
    io.close();
  }
}

export const isInteractive = (): boolean => Boolean(process.stdin.isTTY);
