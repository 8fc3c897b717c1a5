/** The result of discovery, and the interface of its sources. */
import type { HostPort } from "../config";

export interface Member extends HostPort {
  /** Name in logs and metrics: the pod's name, if known. */
  readonly name: string;
}

/** After this many consecutive failures, a source counts as lost. */
export const FAILURES_UNTIL_LOST = 3;

export interface Source {
  readonly name: string;
  /**
   * Calls `found` with all members whenever they may have changed, and `lost` when it has failed for a while: its last
   * answer may then be out of date, until it calls `found` again. Never throws.
   */
  start(found: (members: readonly Member[]) => void, lost: () => void): void;
  stop(): void;
}
