/**
 * Checks for sizes that are too small for `redis.maxMemory`: an error for a new system, a warning for an existing one.
 * The configuration schema cannot decide this, because it cannot tell whether a system exists
 * (config/schema/redis-sizes.ts).
 */
import { redisSizeProblems, sizeSentence, type RedisSizes } from "../../config";
import { Failure } from "../terminal/ui";

/**
 * @param volume size of main's smallest volume after this run; undefined for a new system
 * @returns warnings, for an existing system
 * @throws Failure for a new system
 */
export function checkRedisSizes(redis: RedisSizes, volume: string | undefined): string[] {
  const problems = redisSizeProblems({ ...redis, storage: volume ?? redis.storage });
  if (volume !== undefined || !problems.length) return problems.map(sizeSentence);
  throw new Failure(
    `${problems.map(({ key, message }) => `${key}: ${message}`).join("\n")}. Nothing was changed.`,
    problems.map(({ key, remedy }) => (problems.length > 1 ? `${key}: ${remedy}` : remedy)).join("\n"),
  );
}
