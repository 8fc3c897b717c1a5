/**
 * Checks whether Redis' data fits into its memory and on its volume.
 *
 * The schema does not reject sizes that are too small: an existing system may have been deployed with them, and the
 * remedies, an upgrade or a larger volume, need a valid configuration. Only the cluster knows whether a system exists.
 * So `npm run up` rejects them for a new system and warns about them for an existing one
 * (scripts/deploy/redis-sizes.ts), and plain cdktf, which cannot distinguish the two, warns
 * (modules/redis/size-check.ts).
 */
import { asQuantity, asRedisSize, quantityOrNaN, redisBytes } from "./sizes";

/** The sizes that must be compatible: a part of `redis` in the configuration. */
export interface RedisSizes {
  /** A size for Redis, such as 256mb. */
  readonly maxMemory: string;
  /** A Kubernetes quantity. */
  readonly storage: string;
  /** Main (primary), and the members with `ha`. */
  readonly main: { readonly memoryLimit: string };
  /** Read replicas. */
  readonly replica: { readonly memoryLimit: string };
}

/** A size that is too small. */
export interface SizeProblem {
  /** The configuration key. */
  readonly key: "redis.storage" | "redis.main.memoryLimit" | "redis.replica.memoryLimit";
  /** The problem: the value, the limit and the consequence, without a full stop. */
  readonly message: string;
  /** How to fix it, without a full stop. */
  readonly remedy: string;
}

/**
 * If memory is full, the append-only file grows to 1.5 times maxMemory before its rewrite begins, the rewrite needs
 * another maxMemory, and the file system uses up to a tenth of the volume for itself: a volume of less than three times
 * maxMemory is certain to fill up.
 */
export const LEAST_VOLUMES = 3;
/** Writes during the rewrite are appended as well. */
const ADVISED_VOLUMES = 4;
/** On a volume smaller than this, a few 1 MB values can fill what is left. */
const LEAST_VOLUME = 256 * 2 ** 20;
/**
 * A forked process rewrites the file, or makes the copy for a replica: each memory page that is written in the meantime
 * exists twice.
 */
const LEAST_MEMORIES = 2;

/** The problems with configured sizes that are too small for `maxMemory`. */
export function redisSizeProblems(of: RedisSizes): SizeProblem[] {
  const { maxMemory, storage } = of;
  const data = redisBytes(maxMemory);
  const problems: SizeProblem[] = [];
  // NaN compares as neither below nor above; another check rejects invalid quantities
  const volume = quantityOrNaN(storage);
  const least = Math.max(LEAST_VOLUMES * data, LEAST_VOLUME);
  if (volume < least) {
    const advised = asQuantity(Math.max(ADVISED_VOLUMES * data, LEAST_VOLUME));
    const fits = asRedisSize(volume / LEAST_VOLUMES);
    problems.push({
      key: "redis.storage",
      message: `with redis.maxMemory ${maxMemory}, the volume needs at least ${asQuantity(least)} but has ${storage}: the append-only file and its rewrite would fill it`,
      remedy:
        volume < LEAST_VOLUME
          ? `set redis.storage to ${advised}`
          : `set redis.storage to ${advised}, or redis.maxMemory to at most ${fits}`,
    });
  }
  for (const part of ["main", "replica"] as const) {
    const { memoryLimit } = of[part];
    if (!(quantityOrNaN(memoryLimit) < LEAST_MEMORIES * data)) continue;
    problems.push({
      key: `redis.${part}.memoryLimit`,
      message: `must be at least ${asQuantity(LEAST_MEMORIES * data)}, twice redis.maxMemory (${maxMemory}), but is ${memoryLimit}: Redis would be killed while it rewrites or copies its data`,
      remedy: "raise it, or lower redis.maxMemory",
    });
  }
  return problems;
}

/** One problem as a sentence. */
export const sizeSentence = ({ key, message, remedy }: SizeProblem): string => `${key}: ${message}; ${remedy}`;
