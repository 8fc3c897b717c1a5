/** Kubernetes quantities (kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity). */

const DECIMAL = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"] as const;
const BINARY = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"] as const;
/** Largest value with a binary suffix. */
const MAX_BINARY = 2n ** 63n - 1n;
/** Thousandths: the API server rounds requests and limits up to them. */
const SCALE = 3;

interface Quantity {
  /** Thousandths of a core or a byte, rounded up. */
  readonly thousandths: bigint;
  /** The notation in which the quantity was written, which its canonical form keeps. */
  readonly format: "decimal" | "exponent" | "binary";
}

const refuse = (text: string): never => {
  throw new Error(`${text} is not a Kubernetes quantity such as 100m or 256Mi`);
};

/** `digits` times 10 to the `exponent`, rounded up. */
const shift = (digits: bigint, exponent: number): bigint =>
  exponent >= 0 ? digits * 10n ** BigInt(exponent) : divideUp(digits, 10n ** BigInt(-exponent));
const divideUp = (value: bigint, by: bigint): bigint => (value + by - 1n) / by;

function parse(text: string): Quantity {
  const [, whole = "", fraction = "", unit = ""] = /^(\d*)(?:\.(\d*))?([a-zA-Z]*|[eE][+-]?\d+)$/.exec(text) ?? [];
  if (!whole && !fraction) return refuse(text);
  const digits = BigInt(whole + fraction);
  if (/^[eE].*\d$/.test(unit)) {
    const exponent = Number(unit.slice(1));
    if (Math.abs(exponent) > 30) return refuse(text);
    return { thousandths: shift(digits, SCALE + exponent - fraction.length), format: "exponent" };
  }
  const binary = unit ? BINARY.indexOf(unit as (typeof BINARY)[number]) : -1;
  if (binary > 0) {
    const thousandths = shift(digits * 1024n ** BigInt(binary), SCALE - fraction.length);
    return { thousandths: thousandths > MAX_BINARY * 1000n ? MAX_BINARY * 1000n : thousandths, format: "binary" };
  }
  const decimal = DECIMAL.indexOf(unit as (typeof DECIMAL)[number]);
  if (decimal < 0) return refuse(text);
  const exponent = 3 * (decimal - DECIMAL.indexOf(""));
  return { thousandths: shift(digits, SCALE + exponent - fraction.length), format: "decimal" };
}

/**
 * A quantity as the API server returns it: with the largest suffix that leaves a whole number. For example, 0.1 becomes
 * 100m, and 1024Mi becomes 1Gi. If the API server changes the notation, Terraform fails with "inconsistent result after
 * apply".
 *
 * @throws if the text is not a Kubernetes quantity
 */
export function canonicalQuantity(text: string): string {
  const { thousandths, format } = parse(text);
  if (thousandths === 0n) return "0";
  const isWhole = thousandths % 1000n === 0n;
  if (format === "binary" && isWhole && thousandths >= 1024_000n) {
    const [number, steps] = withoutFactor(thousandths / 1000n, 1024n, BINARY.length - 1);
    return `${number}${BINARY[steps]!}`;
  }
  const thousandth = DECIMAL.indexOf("m");
  const [number, steps] = withoutFactor(thousandths, 1000n, DECIMAL.length - 1 - thousandth);
  if (format !== "exponent") return `${number}${DECIMAL[thousandth + steps]!}`;
  const exponent = 3 * steps - SCALE;
  return exponent === 0 ? String(number) : `${number}e${exponent}`;
}

/**
 * Divides by `factor` while there is no remainder, up to `most` times; returns the result and the number of divisions.
 */
function withoutFactor(value: bigint, factor: bigint, most: number): [bigint, number] {
  let steps = 0;
  for (; steps < most && value % factor === 0n; steps++) value /= factor;
  return [value, steps];
}

/**
 * Cores or bytes.
 * @throws if the text is not a Kubernetes quantity
 */
export const parseQuantity = (text: string): number => Number(parse(text).thousandths) / 1000;
