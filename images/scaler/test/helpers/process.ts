/** The scaler as separate processes, which can be suspended and killed. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";

let bundle: Promise<string> | undefined;

/** The bundled program, as in the image. */
async function bundled(): Promise<string> {
  const outfile = join(mkdtempSync(join(tmpdir(), "scaler-")), "main.cjs");
  const src = join(import.meta.dirname, "../../src/main.ts");
  await build({ entryPoints: [src], bundle: true, platform: "node", format: "cjs", outfile, logLevel: "error" });
  return outfile;
}

export class ScalerProcess {
  readonly lines: { readonly level: string; readonly message: string; readonly [field: string]: unknown }[] = [];
  private child: ChildProcess | undefined;

  constructor(private readonly env: Record<string, string>) {}

  async start(): Promise<this> {
    bundle ??= bundled();
    const child = spawn(process.execPath, [await bundle], { env: { ...process.env, PORT: "0", ...this.env } });
    this.child = child;
    let rest = "";
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      const parts = (rest + chunk).split("\n");
      rest = parts.pop()!;
      for (const part of parts) this.lines.push(JSON.parse(part) as (typeof this.lines)[number]);
    });
    return this;
  }

  has(message: string): boolean {
    return this.lines.some((line) => line.message === message);
  }

  signal(name: NodeJS.Signals): void {
    this.child!.kill(name);
  }

  /** Resolves with the exit code once the process has ended by itself. */
  async ended(): Promise<number | null> {
    const child = this.child!;
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    return child.exitCode;
  }

  /** Resolves with the exit code; null after a signal. */
  async stop(name: NodeJS.Signals = "SIGKILL"): Promise<number | null> {
    const { child } = this;
    if (!child || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
    const end = once(child, "exit");
    child.kill(name);
    const [code] = (await end) as [number | null];
    return code;
  }
}
