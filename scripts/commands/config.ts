/** `npm run config`: prints the effective configuration; `--help` lists every key. */
import { stringify } from "yaml";
import { configKeys, loadConfig, printable } from "../../config";
import { dim, say, table } from "../terminal/ui";

export function showConfig(): void {
  say(stringify(printable(loadConfig())).trimEnd());
}

/** Every key with its variable, default and description. */
export function keyReference(): string {
  const rows = configKeys().map((k) => [
    k.path,
    k.env,
    k.default === undefined ? "" : JSON.stringify(k.default),
    k.description,
  ]);
  return table([["key", "variable", "default", "description"].map(dim), ...rows]);
}
