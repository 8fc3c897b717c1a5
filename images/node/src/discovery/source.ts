/** What discovery finds, and what each way to find it has to do. */
import type { HostPort } from "../config";

export interface Member extends HostPort {
  /** Name in logs and metrics: the pod's, where it is known. */
  readonly name: string;
}

export interface Source {
  readonly name: string;
  /** Calls `found` with all members whenever they may have changed. Never throws. */
  start(found: (members: readonly Member[]) => void): void;
  stop(): void;
}
