/** Reads the fields of a JSON value and collects one message per problem. */

export interface NumberLimits {
  readonly min?: number;
  readonly max?: number;
  /** The value must be greater than this. */
  readonly above?: number;
  readonly whole?: boolean;
  /** Value of a field that is left out. @default the field is required */
  readonly fallback?: number;
}
export interface TextLimits {
  readonly pattern: RegExp;
  /** What the pattern accepts, in words. */
  readonly expected: string;
  /** Value of a field that is left out. @default the field is required */
  readonly fallback?: string;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export class Fields {
  private readonly read = new Set<string>();
  private readonly object: Record<string, unknown>;
  private readonly isObject: boolean;

  /** @param path path of the value, for messages; empty for the top-level value */
  constructor(
    value: unknown,
    private readonly path: string,
    private readonly problems: string[],
  ) {
    this.isObject = isObject(value);
    if (!this.isObject) problems.push(`${path || "the value"} is ${show(value)}, expected an object`);
    this.object = isObject(value) ? value : {};
  }

  number(name: string, limits: NumberLimits): number {
    const value = this.value(name, limits.fallback);
    const { min = -Infinity, max = Infinity, above = -Infinity, whole = false } = limits;
    if (typeof value === "number" && Number.isFinite(value) && value >= min && value <= max && value > above) {
      if (!whole || Number.isInteger(value)) return value;
    }
    const range = [
      limits.above === undefined ? "" : ` above ${above}`,
      limits.min === undefined ? "" : ` from ${min}`,
      limits.max === undefined ? "" : ` up to ${max}`,
    ].join("");
    this.problem(name, value, `a ${whole ? "whole " : ""}number${range}`);
    return NaN;
  }

  text(name: string, { pattern, expected, fallback }: TextLimits): string {
    const value = this.value(name, fallback);
    if (typeof value === "string" && pattern.test(value)) return value;
    this.problem(name, value, expected);
    return "";
  }

  /** The fields of the object in field `name`; those of an empty object if the field is left out. */
  fieldsOf(name: string): Fields {
    return new Fields(this.value(name, {}), this.at(name), this.problems);
  }

  /** The items of the list in field `name`, which must not be empty. */
  list<T>(name: string, item: (fields: Fields) => T): T[] {
    const value = this.value(name, undefined);
    if (Array.isArray(value) && value.length > 0) {
      return value.map((each, i) => {
        const fields = new Fields(each, `${this.at(name)}[${i}]`, this.problems);
        const found = item(fields);
        fields.end();
        return found;
      });
    }
    this.problem(name, value, "a list with at least one item");
    return [];
  }

  /** Reports unknown fields: those that no method has read. */
  end(): void {
    for (const name of Object.keys(this.object)) {
      if (this.read.has(name)) continue;
      this.problems.push(`${this.at(name)} is unknown, expected only ${[...this.read].join(", ")}`);
    }
  }

  private value(name: string, fallback: unknown): unknown {
    this.read.add(name);
    return Object.hasOwn(this.object, name) ? this.object[name] : fallback;
  }

  private at(name: string): string {
    return this.path === "" ? name : `${this.path}.${name}`;
  }

  private problem(name: string, value: unknown, expected: string): void {
    // the constructor has already reported this
    if (!this.isObject) return;
    this.problems.push(`${this.at(name)} is ${value === undefined ? "missing" : show(value)}, expected ${expected}`);
  }
}

const show = (value: unknown): string => (JSON.stringify(value) ?? String(value)).slice(0, 100);
