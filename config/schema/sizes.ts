/** Sizes in the notations of Kubernetes and Redis, as numbers. */

/** Suffixes of Kubernetes quantities (kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity). */
const QUANTITY_UNITS: Readonly<Record<string, number>> = {
  m: 1e-3,
  "": 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};
/** Suffixes of Redis' sizes; all are powers of two. */
const REDIS_UNITS: Readonly<Record<string, number>> = { kb: 2 ** 10, mb: 2 ** 20, gb: 2 ** 30 };

/** Cores or bytes; NaN if the text is not a Kubernetes quantity. */
export function quantityOrNaN(text: string): number {
  const [, figure, unit = ""] = /^(\d+(?:\.\d+)?)([a-zA-Z]*)$/.exec(text) ?? [];
  return Number(figure) * (QUANTITY_UNITS[unit] ?? NaN);
}

/**
 * Cores or bytes.
 * @throws if the text is not a Kubernetes quantity
 */
export function parseQuantity(text: string): number {
  const value = quantityOrNaN(text);
  if (Number.isNaN(value)) throw new Error(`${text} is not a Kubernetes quantity such as 100m or 256Mi`);
  return value;
}

/** Bytes of a size that the schema accepts for `redis.maxMemory`. */
export const redisBytes = (size: string): number => parseInt(size, 10) * (REDIS_UNITS[size.slice(-2)] ?? 1);

/** The same number of bytes or more, as a short Kubernetes quantity. */
export const asQuantity = (bytes: number): string =>
  bytes % 2 ** 30 === 0 ? `${bytes / 2 ** 30}Gi` : `${Math.ceil(bytes / 2 ** 20)}Mi`;

/** The same number of bytes or fewer, as a size for Redis. */
export const asRedisSize = (bytes: number): string => `${Math.floor(bytes / 2 ** 20)}mb`;
