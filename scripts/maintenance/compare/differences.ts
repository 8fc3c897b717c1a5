/** Finds and classifies the differences between two synthesized layers. */
import { parse } from "yaml";

export type Kind = "image tag" | "checksum" | "comment" | "text" | "other";

export interface Difference {
  /** Path of keys from the layer down, such as `data.resource.kubernetes_manifest.redis-main.manifest.spec`. */
  readonly path: string;
  readonly kind: Kind;
  /** Undefined if it was added. */
  readonly before: string | undefined;
  /** Undefined if it was removed. */
  readonly after: string | undefined;
}

/** Keys whose values only people read. */
const TEXT_KEYS = new Set(["description", "summary", "title", "message", "help", "kubernetes.io/description"]);
const CHECKSUM = /^[0-9a-f]{16,64}$/;
const YAML_LIKE = /^\s*([\w"'.-]+:|\{|\[)/;

/** Every differing leaf, in the order of the keys. */
export function differences(before: unknown, after: unknown, at: readonly string[] = []): Difference[] {
  if (isMap(before) && isMap(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
    return keys.flatMap((key) => differences(before[key], after[key], [...at, key]));
  }
  if (Array.isArray(before) && Array.isArray(after)) {
    const length = Math.max(before.length, after.length);
    return Array.from({ length }, (_, i) => i).flatMap((i) =>
      differences(before[i], after[i], [...at, nameOf(before[i]) ?? nameOf(after[i]) ?? String(i)]),
    );
  }
  if (typeof before === "string" && typeof after === "string") {
    if (before === after) return [];
    const inner = [structured(before), structured(after)];
    if (inner[0] && inner[1]) {
      const found = differences(inner[0], inner[1], at);
      // same content, different formatting
      return found.length ? found : [leaf(at, before, after)];
    }
  }
  return JSON.stringify(before) === JSON.stringify(after) ? [] : [leaf(at, before, after)];
}

function leaf(at: readonly string[], before: unknown, after: unknown): Difference {
  const text = (value: unknown) =>
    value === undefined ? undefined : typeof value === "string" ? value : JSON.stringify(value);
  const [a, b] = [text(before), text(after)];
  return { path: at.join("."), kind: kindOf(at, a, b), before: a, after: b };
}

function kindOf(at: readonly string[], before: string | undefined, after: string | undefined): Kind {
  if (before === undefined || after === undefined) return "other";
  if (CHECKSUM.test(before) && CHECKSUM.test(after)) return "checksum";
  if (TEXT_KEYS.has(at.at(-1)!)) return "text";
  return withoutComments(before) === withoutComments(after) ? "comment" : "other";
}

/** A script or a configuration file without its comments. */
const withoutComments = (text: string): string =>
  text
    .split("\n")
    .filter((line) => !/^\s*#(?!!)/.test(line))
    .map((line) => line.replace(/\s+# .*$/, ""))
    .join("\n");

/** JSON or YAML inside a string: chart values, dashboards, rules. */
function structured(text: string): object | undefined {
  if (!text.includes("\n") && !text.startsWith("{")) return undefined;
  if (!YAML_LIKE.test(text)) return undefined;
  try {
    const value: unknown = parse(text, { logLevel: "silent" });
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The name of a list entry, for a readable path. */
function nameOf(value: unknown): string | undefined {
  if (!isMap(value)) return undefined;
  const name = value["name"] ?? value["alert"] ?? value["record"] ?? value["title"];
  return typeof name === "string" ? name : undefined;
}
