/** Runs each API process in its own network namespace, so that the network between that process and Redis can break. */
import { type ChildProcess, spawn } from "node:child_process";
import { bundleApi } from "../lib";
import { addNamespace, apiAddress, apiNamespace, removeNamespace } from "./network";
import type { Programs } from "./programs";
import type { System } from "./system";

const PORT = 3000;
export const apiName = (n: number) => `api-${n}`;

export class Apis {
  private readonly running: ChildProcess[] = [];

  constructor(
    readonly count: number,
    private readonly system: System,
    private readonly programs: Programs,
  ) {}

  async start(): Promise<void> {
    const file = await bundleApi();
    for (let n = 0; n < this.count; n++) {
      addNamespace(apiNamespace(n), `api${n}`, this.system.switchName, apiAddress(n));
      this.running.push(
        spawn("ip", ["netns", "exec", apiNamespace(n), process.execPath, file], {
          env: {
            PATH: process.env["PATH"],
            PORT: String(PORT),
            ...this.system.apiEnv,
            ...this.programs.apiEnv(apiName(n)),
          },
          stdio: ["ignore", "ignore", "inherit"],
        }),
      );
    }
  }

  get addresses(): string[] {
    return this.running.map((_, n) => `http://${apiAddress(n)}:${PORT}`);
  }

  signal(n: number, name: NodeJS.Signals): void {
    this.running[n]!.kill(name);
  }

  /** @throws if a process has exited, because no fault should cause that */
  checkAlive(): void {
    for (const [n, child] of this.running.entries()) {
      if (child.exitCode !== null || child.signalCode !== null)
        throw new Error(`API ${n} has ended: ${child.exitCode ?? child.signalCode}`);
    }
  }

  stop(): void {
    for (let n = 0; n < this.count; n++) removeNamespace(apiNamespace(n));
  }
}
