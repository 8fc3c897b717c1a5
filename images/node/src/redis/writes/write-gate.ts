/** A main that takes no writes: too few copies follow it, or it is about to hand over, or has done so. */
import { randomUUID } from "node:crypto";
import type { Connection } from "../connection/connection";
import { Refused } from "../connection/errors";

/** What main answers to every write then. */
export const WRITE_REFUSALS = new Set(["NOREPLICAS", "READONLY"]);
const PROBE_MS = 50;
/** How often it is asked once nobody waits for it any more. */
const SLOW_PROBE_MS = 500;
/** A write that changes nothing, so that it may be sent any number of times. */
const PROBE_KEY = `nothing-${randomUUID()}`;

export class WriteGate {
  private readonly since = performance.now();
  private readonly opened: Promise<void>;

  /** @param patienceMs how long a main that refuses is waited for */
  constructor(
    private reason: Refused,
    private readonly main: Connection,
    private readonly patienceMs: number,
    onOpen: () => void,
  ) {
    this.opened = this.probe().then(onOpen);
  }

  /**
   * Resolves when main takes writes again.
   *
   * @param end until when its caller waits
   * @throws Refused where it refuses for longer than that, or has for too long already
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
      // main is elsewhere by now: a new connection finds it
      if (this.reason.code === "READONLY" && this.main.usable) this.main.reconnect();
      const slow = performance.now() - this.since > this.patienceMs;
      await new Promise((resolve) => setTimeout(resolve, slow ? SLOW_PROBE_MS : PROBE_MS).unref());
      try {
        await this.main.send((client) => client.del(PROBE_KEY));
        return;
      } catch (error) {
        // whatever else it says, or that it is gone, is told to each write by itself
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
