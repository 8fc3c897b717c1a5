/** Kubernetes quantities, from numbers and to numbers. */
export { parseQuantity } from "../../config";

/** Thousandths of a core, rounded up. */
export const millicores = (value: number): string => `${Math.ceil(Number((value * 1000).toFixed(6)))}m`;

/** Mebibytes, rounded up. */
export const mebibytes = (value: number): string => `${Math.ceil(value / 2 ** 20)}Mi`;
