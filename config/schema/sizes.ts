/** Converts sizes in Kubernetes' and Redis' notations to numbers and back. */
import { parseQuantity } from "./quantity";

/** Suffixes of Redis' sizes: all stand for powers of two. */
const REDIS_UNITS: Readonly<Record<string, number>> = { kb: 2 ** 10, mb: 2 ** 20, gb: 2 ** 30 };

/** Cores or bytes; NaN if the text is not a Kubernetes quantity. */
export function quantityOrNaN(text: string): number {
  try {
    return parseQuantity(text);
  } catch {
    return NaN;
  }
}

/** The bytes in a size that the schema accepts for `redis.maxMemory`. */
export const redisBytes = (size: string): number => parseInt(size, 10) * (REDIS_UNITS[size.slice(-2)] ?? 1);

/** The bytes in a size that the schema accepts for `monitoring.retentionSize`; Prometheus' units are powers of two. */
export const prometheusBytes = (size: string): number => redisBytes(size.toLowerCase());

/** The same number of bytes or more, as a short Kubernetes quantity. */
export const asQuantity = (bytes: number): string =>
  bytes % 2 ** 30 === 0 ? `${bytes / 2 ** 30}Gi` : `${Math.ceil(bytes / 2 ** 20)}Mi`;

/** The same number of bytes or fewer, as a size for Redis. */
export const asRedisSize = (bytes: number): string => `${Math.floor(bytes / 2 ** 20)}mb`;
