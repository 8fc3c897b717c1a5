/** Messages about an invalid configuration. */
import type { z } from "zod";
import { configKeys } from "./keys";
import { redact } from "./redact";

/** Reports all problems at once, one per line. */
export class ConfigError extends Error {
  constructor(readonly problems: readonly string[]) {
    super(
      `invalid configuration:\n${problems.map((p) => `  ${p}`).join("\n")}\nSee all keys: npm run config -- --help`,
    );
    this.name = "ConfigError";
  }
}

/** Messages about one schema issue: the key, its value and what is accepted. */
export function problem(issue: z.core.$ZodIssue, input: unknown): string[] {
  const at = issue.path.join(".");
  const value = issue.path.reduce<unknown>((v, k) => (v as Record<PropertyKey, unknown> | undefined)?.[k], input);
  const printed = value === undefined ? "missing" : JSON.stringify(redact(value, String(issue.path.at(-1) ?? "")));
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((k) => `${[...issue.path, k].join(".")}: unknown key; ${acceptedBelow(issue.path)}`);
    case "invalid_value":
      return [`${at}: ${printed} is not accepted; expected one of ${issue.values.map((v) => String(v)).join(", ")}`];
    case "invalid_type":
      return [`${at}: ${printed} is not accepted; expected ${issue.expected}`];
    case "invalid_format":
      return [`${at}: ${printed} is not accepted; expected ${issue.message.replace(/^Invalid string: /, "")}`];
    case "too_small":
      return [`${at}: ${printed} is not accepted; must be at least ${issue.minimum}`];
    case "too_big":
      return [`${at}: ${printed} is not accepted; must be at most ${issue.maximum}`];
    case "invalid_key":
      return [`${at}: the key is not accepted; expected ${issue.issues[0]?.message ?? "another one"}`];
    default:
      return [
        `${at || "configuration"}: ${printed === "missing" ? "" : `${printed} is not accepted; `}${issue.message}`,
      ];
  }
}

function acceptedBelow(at: readonly PropertyKey[]): string {
  const prefix = at.length ? `${at.join(".")}.` : "";
  const names = configKeys()
    .filter((k) => k.path.startsWith(prefix))
    .map((k) => k.path.slice(prefix.length).split(".")[0]);
  return `accepted here: ${[...new Set(names)].join(", ")}`;
}
