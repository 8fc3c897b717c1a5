/** Reads the configuration's sources: a profile, a YAML file and `IAC_…` variables. Does not validate values. */
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { parse } from "yaml";
import type { ConfigKey } from "./keys";
import { merge } from "./merge";

export interface Sources {
  /** The profile's keys, overridden by those of the file, then by those of the variables. */
  readonly merged: Record<string, unknown>;
  /** Sentences about what could not be read. */
  readonly problems: readonly string[];
  /** The value of KUBECONFIG; undefined if it is unset or empty. */
  readonly kubeconfigEnv: string | undefined;
  /** The user's home folder, for `~` in paths. */
  readonly home: string;
  /** The environment, for variables of other programs (Terraform, docker). */
  readonly env: NodeJS.ProcessEnv;
}

/** Variables that set no key. */
const NOT_KEYS = new Set(["IAC_CONFIG"]);

export function readSources(keys: readonly ConfigKey[], root: string, env: NodeJS.ProcessEnv = process.env): Sources {
  const problems: string[] = [];
  const merged = readConfigFile(env["IAC_CONFIG"], root, problems);
  const byEnv = new Map(keys.map((k) => [k.env, k]));
  for (const [name, text] of Object.entries(env)) {
    if (!name.startsWith("IAC_") || NOT_KEYS.has(name) || text === undefined || text === "") continue;
    const key = byEnv.get(name);
    if (!key) {
      const similar = closest(name, [...byEnv.keys()]);
      problems.push(`${name}: no such variable${similar ? `; did you mean ${similar}?` : ""}`);
      continue;
    }
    const isNull = key.isNullable && text === "null";
    setAt(merged, key.path.split("."), isNull ? null : key.isText ? text : parseValue(text));
  }
  const profile = typeof merged["profile"] === "string" ? readProfile(merged["profile"], root, problems) : {};
  return {
    merged: merge(profile, merged),
    problems,
    kubeconfigEnv: env["KUBECONFIG"] || undefined,
    home: env["HOME"] ?? os.homedir(),
    env,
  };
}

function readConfigFile(named: string | undefined, root: string, problems: string[]): Record<string, unknown> {
  const file = path.resolve(root, named ?? "config.yaml");
  if (fs.existsSync(file)) return readYaml(file, problems);
  if (named) problems.push(`IAC_CONFIG: ${file} does not exist`);
  return {};
}

/**
 * Former profiles that only repeated the defaults. A config.yaml written by an earlier `npm run up` may still name one,
 * which has no effect.
 */
const REMOVED = ["kind"];

/** A file in profiles/ by its name, or any other profile by its path. */
function readProfile(named: string, root: string, problems: string[]): Record<string, unknown> {
  const profilesDir = path.join(root, "profiles");
  const names = fs.existsSync(profilesDir) ? fs.readdirSync(profilesDir).map((f) => f.replace(/\.yaml$/, "")) : [];
  const file = names.includes(named) ? path.join(profilesDir, `${named}.yaml`) : path.resolve(root, named);
  if (!fs.existsSync(file) && REMOVED.includes(named)) return {};
  if (!fs.existsSync(file)) {
    problems.push(`profile: ${named} does not exist; use ${names.join(", ")}, or the path of a file`);
    return {};
  }
  const content = readYaml(file, problems);
  if ("profile" in content) problems.push(`profile: ${file} must not name a profile; remove its key profile`);
  return content;
}

function readYaml(file: string, problems: string[]): Record<string, unknown> {
  try {
    const content: unknown = parse(fs.readFileSync(file, "utf8")) ?? {};
    if (typeof content === "object" && !Array.isArray(content)) return content as Record<string, unknown>;
    problems.push(`${file}: expected keys and values at the top level`);
  } catch (e) {
    problems.push(`${file}: not YAML: ${(e as Error).message.split("\n")[0]}`);
  }
  return {};
}

function parseValue(text: string): unknown {
  try {
    return parse(text);
  } catch {
    return text;
  }
}

function setAt(into: Record<string, unknown>, at: string[], value: unknown): void {
  const last = at.pop()!;
  let map = into;
  for (const k of at) {
    const next = map[k];
    map = (typeof next === "object" && next !== null ? next : (map[k] = {})) as Record<string, unknown>;
  }
  map[last] = value;
}

/** The name with the smallest edit distance, if it is likely a typo. */
function closest(name: string, among: readonly string[]): string | undefined {
  const distance = (a: string, b: string) => {
    let row = Array.from({ length: b.length + 1 }, (_, i) => i);
    for (let i = 1; i <= a.length; i++) {
      const next = [i];
      for (let j = 1; j <= b.length; j++) {
        next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
      }
      row = next;
    }
    return row[b.length]!;
  };
  const best = among.map((k) => ({ k, d: distance(name, k) })).sort((a, b) => a.d - b.d)[0];
  return best && best.d <= Math.max(3, name.length / 4) ? best.k : undefined;
}

/** The environment's HTTP proxies, as URLs or host:port. */
export interface ProxyVariables {
  /**
   * Proxy for http:// URLs.
   * @default none
   */
  readonly http?: string | undefined;
  /**
   * Proxy for https:// URLs.
   * @default none
   */
  readonly https?: string | undefined;
  /**
   * Hosts that are reached without a proxy, separated by commas.
   * @default only this machine
   */
  readonly no?: string | undefined;
}

export function proxyVariables(env: NodeJS.ProcessEnv = process.env): ProxyVariables {
  const either = (name: string) => env[name] || env[name.toLowerCase()];
  return { http: either("HTTP_PROXY"), https: either("HTTPS_PROXY"), no: either("NO_PROXY") };
}
