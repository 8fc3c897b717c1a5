/** Kubernetes quantities as numbers (kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity). */

const UNITS: Readonly<Record<string, number>> = {
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

/**
 * Cores or bytes.
 * @throws if the text is not a Kubernetes quantity
 */
export function parseQuantity(text: string): number {
  const [, figure, unit = ""] = /^(\d+(?:\.\d+)?)([a-zA-Z]*)$/.exec(text) ?? [];
  const factor = UNITS[unit];
  if (figure === undefined || factor === undefined)
    throw new Error(`${text} is not a Kubernetes quantity such as 100m or 256Mi`);
  return Number(figure) * factor;
}

/** Thousandths of a core, rounded up. */
export const millicores = (value: number): string => `${Math.ceil(Number((value * 1000).toFixed(6)))}m`;

/** Mebibytes, rounded up. */
export const mebibytes = (value: number): string => `${Math.ceil(value / 2 ** 20)}Mi`;
