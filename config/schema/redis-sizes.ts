/** Checks that Redis' data fits into the memory and on the volume that it gets. */
import type { z } from "zod";
import type { redis } from "./redis";
import { asQuantity, asRedisSize, quantityOrNaN, redisBytes } from "./sizes";

/** Refuses the value of a key below `redis`; `message` describes the problem and the fix. */
export type Refuse = (at: readonly string[], message: string, value: string) => void;

/**
 * With full memory, the append-only file grows to 1.5 times maxMemory before its rewrite begins, the rewrite needs
 * maxMemory again, and a file system keeps up to a tenth of a volume for itself: a volume of less than three times
 * maxMemory certainly fills up.
 */
const LEAST_VOLUMES = 3;
/** Writes during the rewrite are appended as well. */
const ADVISED_VOLUMES = 4;
/** On a smaller volume, a few values of 1 MB make the difference. */
const LEAST_VOLUME = 256 * 2 ** 20;
/** A rewrite or a copy for a replica is made by a forked process: each page that is written meanwhile exists twice. */
const LEAST_MEMORIES = 2;

export function redisSizes(of: z.output<typeof redis>, refuse: Refuse): void {
  const { maxMemory, storage } = of;
  const data = redisBytes(maxMemory);
  // NaN is neither below nor above; another check refuses invalid quantities
  const volume = quantityOrNaN(storage);
  const least = Math.max(LEAST_VOLUMES * data, LEAST_VOLUME);
  if (volume < least) {
    const advised = asQuantity(Math.max(ADVISED_VOLUMES * data, LEAST_VOLUME));
    const fits = asRedisSize(volume / LEAST_VOLUMES);
    refuse(
      ["storage"],
      `with redis.maxMemory ${maxMemory} the volume needs at least ${asQuantity(least)}, and has ${storage}: the append-only file and its rewrite would fill it; ` +
        (volume < LEAST_VOLUME
          ? `set redis.storage to ${advised}`
          : `set redis.storage to ${advised}, or redis.maxMemory to at most ${fits}`),
      storage,
    );
  }
  for (const part of ["main", "replica"] as const) {
    const { memoryLimit } = of[part];
    if (!(quantityOrNaN(memoryLimit) < LEAST_MEMORIES * data)) continue;
    refuse(
      [part, "memoryLimit"],
      `must be at least ${asQuantity(LEAST_MEMORIES * data)}, twice redis.maxMemory (${maxMemory}), and is ${memoryLimit}: Redis would be killed while it rewrites or copies its data; raise it, or lower redis.maxMemory`,
      memoryLimit,
    );
  }
}
