/** The API's settings, from its environment. Passwords come as files, never as variables. */
import { readFileSync } from "node:fs";

export interface ApiConfig {
  readonly port: number;
  /** Redis that takes writes, `redis://host:port`. */
  readonly mainUrl: string;
  /** Redis replicas behind one address; main's where there are none. */
  readonly replicasUrl: string;
  readonly password: string | undefined;
  /** Origins that browsers may call from; "*" for all. */
  readonly allowedOrigins: readonly string[];
  /** Longest wait for one Redis command, ms. */
  readonly commandTimeoutMs: number;
  /** Longest wait for a connection to Redis, ms. */
  readonly connectTimeoutMs: number;
}

function number(env: NodeJS.ProcessEnv, name: string, fallback: number): number {
  const text = env[name];
  if (text === undefined || text === "") return fallback;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`${name} is "${text}", expected a whole number above 0`);
  return value;
}

function url(env: NodeJS.ProcessEnv, name: string, fallback: string): string {
  const text = env[name] || fallback;
  if (!URL.canParse(text) || new URL(text).protocol !== "redis:") {
    throw new Error(`${name} is "${text}", expected redis://host:port`);
  }
  return text;
}

/** Throws one sentence that names the variable and what it takes. */
export function readConfig(env: NodeJS.ProcessEnv): ApiConfig {
  const file = env["REDIS_PASSWORD_FILE"];
  const mainUrl = url(env, "REDIS_MAIN_URL", "redis://127.0.0.1:6379");
  return {
    port: number(env, "PORT", 3000),
    mainUrl,
    replicasUrl: url(env, "REDIS_REPLICAS_URL", mainUrl),
    password: file ? readFileSync(file, "utf8").trim() : undefined,
    allowedOrigins: (env["ALLOWED_ORIGINS"] || "*").split(",").map((o) => o.trim()),
    commandTimeoutMs: number(env, "REDIS_COMMAND_TIMEOUT_MS", 1000),
    connectTimeoutMs: number(env, "REDIS_CONNECT_TIMEOUT_MS", 1000),
  };
}
