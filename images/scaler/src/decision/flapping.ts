/** Notices that a count goes up and down again and again, also if another program changes it. */

export interface FlappingLimits {
  /** More changes of direction than this within the time are flapping. */
  readonly turns: number;
  readonly withinMs: number;
  readonly pauseMs: number;
}

/**
 * With a window of two minutes, a load that comes and goes turns the count at most ten times in ten minutes; the default
 * allows for one that does so every three minutes.
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
