/** Lists the schema's leaves, with their names, variables, defaults and descriptions. */
import type { z } from "zod";
import { configSchema } from "./schema";

/** One leaf of the schema, as docs/configuration.md and `npm run config -- --help` show it. */
export interface ConfigKey {
  /** Full name, such as `redis.backup.keep`. */
  readonly path: string;
  /** Environment variable that sets it. */
  readonly env: string;
  /** Description for the reference and for `npm run config -- --help`. */
  readonly description: string;
  /** Default value; undefined if there is none. */
  readonly default: unknown;
  /**
   * Accepted values of an enumeration.
   * @default any value that the schema accepts
   */
  readonly choices?: readonly string[];
  /** Whether the key's variable holds plain text, rather than JSON or YAML. */
  readonly isText: boolean;
  /**
   * Whether null is accepted. If so, its variable sets it with the word null, even if the variable otherwise holds
   * plain text.
   */
  readonly isNullable: boolean;
}

let keys: readonly ConfigKey[] | undefined;

/** Every configuration key, in the schema's order. */
export function configKeys(): readonly ConfigKey[] {
  return (keys ??= walk(configSchema as unknown as z.ZodType, []));
}

function walk(schema: z.ZodType, at: readonly string[]): ConfigKey[] {
  let inner = schema as z.ZodType & { _zod: { def: Record<string, unknown> & { type: string } } };
  let fallback: unknown;
  let description = inner.description ?? "";
  let isNullable = false;
  while (["prefault", "default", "optional", "nullable"].includes(inner._zod.def.type)) {
    if (inner._zod.def.type === "nullable") isNullable = true;
    if (inner._zod.def.type === "default") fallback = inner._zod.def["defaultValue"];
    inner = inner._zod.def["innerType"] as typeof inner;
    description ||= inner.description ?? "";
  }
  if (inner._zod.def.type === "object") {
    const shape = inner._zod.def["shape"] as Record<string, z.ZodType>;
    return Object.entries(shape).flatMap(([k, v]) => walk(v, [...at, k]));
  }
  const snake = at.map((k) => k.replace(/[A-Z]/g, (l) => `_${l}`).toUpperCase());
  const isText = ["string", "enum"].includes(inner._zod.def.type);
  const entries = inner._zod.def["entries"] as Record<string, string> | undefined;
  const choices = inner._zod.def.type === "enum" && entries ? { choices: Object.values(entries) } : {};
  const env = `IAC_${snake.join("_")}`;
  return [{ path: at.join("."), env, description, default: fallback, ...choices, isText, isNullable }];
}
