/** Detects that a count repeatedly goes up and down, whichever program changes it. */

export interface FlappingLimits {
  /** The count is flapping if it changes direction more often than this within `withinMs`. */
  readonly turns: number;
  readonly withinMs: number;
  readonly pauseMs: number;
}

/**
 * With a window of two minutes, a load that comes and goes can change the count's direction up to ten times in ten
 * minutes; the default allows for a load that does so every three minutes.
 */
const DEFAULTS: FlappingLimits = { turns: 6, withinMs: 600_000, pauseMs: 600_000 };

export class FlappingGuard {
  private turns: number[] = [];
  private last: number | undefined;
  private direction = 0;
  private pausedUntil = -Infinity;

  constructor(private readonly limits: FlappingLimits = DEFAULTS) {}

  observe(now: number, count: number): void {
    const direction = Math.sign(count - (this.last ?? count));
    this.last = count;
    if (direction === 0) return;
    const turned = this.direction !== 0 && direction !== this.direction;
    this.direction = direction;
    if (!turned) return;
    this.turns = this.turns.filter((at) => at > now - this.limits.withinMs);
    this.turns.push(now);
    if (this.turns.length > this.limits.turns) this.pausedUntil = now + this.limits.pauseMs;
  }

  isPaused(now: number): boolean {
    return now < this.pausedUntil;
  }
}
