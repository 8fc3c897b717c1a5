/** What discovery finds, and the interface of its sources. */
import type { HostPort } from "../config";

export interface Member extends HostPort {
  /** Name in logs and metrics: the pod's name, if known. */
  readonly name: string;
}

export interface Source {
  readonly name: string;
  /** Calls `found` with all members whenever they may have changed. Never throws. */
  start(found: (members: readonly Member[]) => void): void;
  stop(): void;
}
