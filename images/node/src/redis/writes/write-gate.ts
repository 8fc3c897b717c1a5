/**
 * Holds writes back while main rejects them because it has too few copies, or because a failover is imminent or has
 * just happened.
 */
import { randomUUID } from "node:crypto";
import type { Connection } from "../connection/connection";
import { Refused } from "../connection/errors";
import type { MainSource } from "../connection/main-source";

/** The error codes with which main rejects all writes. */
export const WRITE_REFUSALS = new Set(["NOREPLICAS", "READONLY"]);
/** Interval between probes while writes wait, in ms. */
const PROBE_MS = 50;
/** Interval between probes once writes no longer wait, in ms. */
const SLOW_PROBE_MS = 500;
/** The probe deletes this key, which does not exist, so that the write has no effect. */
const PROBE_KEY = `nothing-${randomUUID()}`;

export class WriteGate {
  private readonly since = performance.now();
  private readonly opened: Promise<void>;

  /** @param patienceMs how long writes wait for a main that rejects them */
  constructor(
    private reason: Refused,
    private readonly main: Connection,
    private readonly source: MainSource,
    private readonly patienceMs: number,
    onOpen: () => void,
  ) {
    this.opened = this.probe().then(onOpen);
  }

  /**
   * Resolves when main accepts writes again.
   *
   * @param end when the caller gives up
   * @throws Refused if main rejects writes until then, or has already done so for too long
   */
  async untilOpen(end: number): Promise<void> {
    const ms = Math.min(end, this.since + this.patienceMs) - performance.now();
    if (ms > 0) {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<true>((resolve) => (timer = setTimeout(() => resolve(true), ms)));
      const tooLate = await Promise.race([this.opened, late]);
      clearTimeout(timer);
      if (!tooLate) return;
    }
    throw this.reason;
  }

  private async probe(): Promise<void> {
    for (;;) {
      this.source.refused(this.reason, this.main);
      const slow = performance.now() - this.since > this.patienceMs;
      await new Promise((resolve) => setTimeout(resolve, slow ? SLOW_PROBE_MS : PROBE_MS).unref());
      try {
        await this.main.send((client) => client.del(PROBE_KEY));
        return;
      } catch (error) {
        // any other reply opens the gate, so that each write gets its own error; a lost connection may recover first
        if (!(error instanceof Refused)) {
          if (slow) return;
          continue;
        }
        if (!error.transient && !WRITE_REFUSALS.has(error.code)) return;
        this.reason = error;
      }
    }
  }
}
