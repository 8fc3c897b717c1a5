/** A main that takes no writes: too few copies follow it, or it is about to hand over, or has done so. */
import { randomUUID } from "node:crypto";
import type { Connection } from "../connection/connection";
import { Refused } from "../connection/errors";

/** What main answers to every write then. */
export const REFUSES_ALL = new Set(["NOREPLICAS", "READONLY"]);
const ASK_MS = 50;
/** How often it is asked once nobody waits for it any more. */
const ASK_SELDOM_MS = 500;
/** A write that changes nothing, so that it may be sent any number of times. */
const NOTHING = `nothing-${randomUUID()}`;

export class Refusal {
  private readonly since = performance.now();
  private readonly ended: Promise<void>;

  /** @param patienceMs how long a main that refuses is waited for */
  constructor(
    private reason: Refused,
    private readonly main: Connection,
    private readonly patienceMs: number,
    onEnd: () => void,
  ) {
    this.ended = this.ask().then(onEnd);
  }

  /**
   * Resolves when main takes writes again.
   *
   * @param end until when its caller waits
   * @throws Refused where it refuses for longer than that, or has for too long already
   */
  async over(end: number): Promise<void> {
    const ms = Math.min(end, this.since + this.patienceMs) - performance.now();
    if (ms > 0) {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<true>((resolve) => (timer = setTimeout(() => resolve(true), ms)));
      const tooLate = await Promise.race([this.ended, late]);
      clearTimeout(timer);
      if (!tooLate) return;
    }
    throw this.reason;
  }

  private async ask(): Promise<void> {
    for (;;) {
      // main is elsewhere by now: a new connection finds it
      if (this.reason.code === "READONLY" && this.main.usable) this.main.reconnect();
      const seldom = performance.now() - this.since > this.patienceMs;
      await new Promise((resolve) => setTimeout(resolve, seldom ? ASK_SELDOM_MS : ASK_MS).unref());
      try {
        await this.main.send((client) => client.del(NOTHING));
        return;
      } catch (error) {
        // whatever else it says, or that it is gone, is told to each write by itself
        if (!(error instanceof Refused)) {
          if (seldom) return;
          continue;
        }
        if (!error.passing && !REFUSES_ALL.has(error.code)) return;
        this.reason = error;
      }
    }
  }
}
