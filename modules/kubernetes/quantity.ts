/**
 * Converts the quantities in Kubernetes objects to the form that the API server returns, and formats numbers as
 * quantities.
 */
import { canonicalQuantity } from "../../config";

export { canonicalQuantity, parseQuantity } from "../../config";

/** Thousandths of a core, rounded up. */
export const millicores = (value: number): string => `${Math.ceil(Number((value * 1000).toFixed(6)))}m`;

/** Mebibytes, rounded up. */
export const mebibytes = (value: number): string => `${Math.ceil(value / 2 ** 20)}Mi`;

const isTree = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;

/**
 * A copy of a Kubernetes object, or of part of one, with every quantity (requests, limits, volume sizes) in canonical
 * form.
 */
export function withCanonicalQuantities<T>(object: T): T {
  if (Array.isArray(object)) return object.map((item: unknown) => withCanonicalQuantities(item)) as T;
  if (!isTree(object)) return object;
  const entries = Object.entries(object).map(([key, value]): [string, unknown] => {
    // a Role's `resources` are a list of names
    if (key === "resources" && isTree(value) && !Array.isArray(value)) return [key, canonicalResources(value)];
    if (key === "sizeLimit" && typeof value === "string") return [key, canonicalQuantity(value)];
    return [key, withCanonicalQuantities(value)];
  });
  return Object.fromEntries(entries) as T;
}

/** Requests and limits of a container or a volume claim. */
const canonicalResources = (resources: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(resources).map(([key, amounts]) => [
      key,
      ["requests", "limits"].includes(key) && isTree(amounts)
        ? Object.fromEntries(Object.entries(amounts).map(([of, q]) => [of, canonicalQuantity(String(q))]))
        : amounts,
    ]),
  );
