/**
 * Wrappers that precede the pods' programs in the PATH: they drop one of a script's commands, or give one process its
 * own clock. The machine's clock is never changed.
 */
import { execFileSync, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";

const SOURCE = path.join(import.meta.dirname, "clock.c");
/** A clock's offset in µs, in the format that clock.c reads. */
const bytes = (seconds: number): Buffer => {
  const buffer = Buffer.alloc(8);
  buffer.writeBigInt64LE(BigInt(Math.round(seconds * 1e6)));
  return buffer;
};
const found = (program: string) => execFileSync("sh", ["-c", `command -v ${program}`], { encoding: "utf8" }).trim();

export class Programs {
  readonly bin: string;
  /** Whether clocks can be changed, which requires a C compiler. */
  readonly clocks: boolean;
  private readonly library: string;

  /** @param dir folder for the programs and their settings */
  constructor(private readonly dir: string) {
    this.bin = path.join(dir, "bin");
    fs.mkdirSync(this.bin, { recursive: true });
    this.library = path.join(dir, "clock.so");
    this.clocks = spawnSync("cc", ["-O2", "-shared", "-fPIC", "-o", this.library, SOURCE]).status === 0;
    this.put(
      "redis-server",
      `part=redis
for argument; do [ "$argument" != --sentinel ] || part=sentinel; done
${this.clocks ? `export LD_PRELOAD="${this.library}" CLOCK_FILE="${dir}/clock-$POD-$part"` : ""}
exec ${found("redis-server")} "$@"`,
    );
    // the scripts send commands through standard input
    this.put(
      "redis-cli",
      `lost=$(cat "${dir}/lost-$POD" 2>/dev/null) || exec ${found("redis-cli")} "$@"
sent=$(cat)
case $sent in *"$lost"*) echo 'Error: Connection reset by peer'; exit 1 ;; esac
printf '%s\\n' "$sent" | ${found("redis-cli")} "$@"`,
    );
    // for this process, and therefore for every process that it starts
    process.env["PATH"] = `${this.bin}${path.delimiter}${process.env["PATH"]}`;
  }

  /** In a pod's scripts, drops each command that contains `text`, until the returned function is called. */
  lose(pod: string, text: string): () => void {
    const file = path.join(this.dir, `lost-${pod}`);
    fs.writeFileSync(file, text);
    return () => fs.rmSync(file, { force: true });
  }

  /** Environment for an API process, so that {@link stepClock} can change its clock. */
  apiEnv(name: string): Record<string, string> {
    this.addClock(name);
    return this.clocks ? { LD_PRELOAD: this.library, CLOCK_FILE: this.clock(name) } : {};
  }

  /** Prepares a process's clock before the process starts. @param name see {@link stepClock} */
  addClock(name: string): void {
    fs.writeFileSync(this.clock(name), bytes(0));
  }

  /**
   * Changes a process's wall clock.
   *
   * @param name name of an API process, or of a pod followed by `-redis` or `-sentinel`
   */
  stepClock(name: string, seconds: number): void {
    // in place, because the process has mapped the file
    const file = fs.openSync(this.clock(name), "r+");
    fs.writeSync(file, bytes(seconds));
    fs.closeSync(file);
  }

  private clock(name: string): string {
    return path.join(this.dir, `clock-${name}`);
  }

  private put(name: string, text: string): void {
    fs.writeFileSync(path.join(this.bin, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  }
}
