/** The API's settings, from its environment. Passwords come as files, never as variables. */
import { readFileSync } from "node:fs";
import { readPassword, type Login } from "./credentials";

/** A Redis by `host:port`. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** The EndpointSlices of one Service, as the cluster's API tells them. */
export interface WatchConfig {
  readonly namespace: string;
  readonly service: string;
  /** Address of the cluster's API, `https://host:port`. */
  readonly server: string;
  /** Folder with `token` and `ca.crt`; both are read anew at each connection, tokens expire. */
  readonly credentialsDir: string;
}

/** Sentinels that know which instance is main. */
export interface SentinelConfig {
  readonly sentinels: readonly HostPort[];
  /** Main's name with them. */
  readonly name: string;
}

/** How each Redis and each Sentinel shows that it is one of ours. */
export interface TlsConfig {
  /** Certificates of the authorities that may have signed theirs, PEM. */
  readonly ca: string;
  /** The name in it: one for all, for they are known by addresses that come and go. */
  readonly servername: string;
}

export interface ApiConfig {
  readonly port: number;
  /** The Redis that takes writes. */
  readonly main: HostPort | SentinelConfig;
  /** Copies beside main that must have a write before it is answered; 0: main alone. */
  readonly commitCopies: number;
  /** Copies beside main that there are, of which any may be promoted. */
  readonly poolCopies: number;
  /** Where they must have it. */
  readonly commitTo: "disk" | "memory";
  /** Addresses of replicas, each of one or of several behind it; empty where none is named. */
  readonly replicas: readonly HostPort[];
  /** A name with one DNS record a replica, such as a headless Service. */
  readonly replicasDns: HostPort | undefined;
  /** The Service whose endpoints are the replicas. */
  readonly replicasWatch: WatchConfig | undefined;
  /** For every connection to Redis; undefined: none is encrypted. */
  readonly tls: TlsConfig | undefined;
  /** On main. */
  readonly login: Login | undefined;
  /** On replicas. */
  readonly readLogin: Login | undefined;
  /** Origins that browsers may call from; "*" for all. */
  readonly allowedOrigins: readonly string[];
  /** Longest wait for main's answer, or for main itself, ms. */
  readonly commandTimeoutMs: number;
  /**
   * Longest wait of a write for a main that takes it, ms, while it is certain that nothing was done yet: a planned change
   * of main costs no caller more than that time.
   */
  readonly writePatienceMs: number;
  /** Longest wait for a replica's answer before another one is asked, ms. */
  readonly readTimeoutMs: number;
  /** Longest wait for a connection to Redis, ms. */
  readonly connectTimeoutMs: number;
  /**
   * A new process waits so long for main before it takes requests without it, ms. Longer than a network policy takes to
   * know a new pod while many come at once: until then main refuses it, and writes sent to it would fail.
   */
  readonly mainPatienceMs: number;
  /** How often each Redis is asked how it is, ms. */
  readonly checkMs: number;
  /** A replica further behind main than this gets no reads, ms. */
  readonly maxLagMs: number;
  /** A replica without main for longer than this gets no reads, s. */
  readonly maxStaleSeconds: number;
  /** Requests in work at once; more are refused with 503. */
  readonly maxInFlight: number;
  /** Bytes of large bodies and values held at once; more are refused with 503. */
  readonly maxBytesInFlight: number;
  /** Whole lists (`GET /items` without a limit) in work at once; more are refused with 503. */
  readonly maxLists: number;
  /** Mean age after which a kept-alive connection is closed, ms; each one's is drawn from 0.5 to 1.5 times it. */
  readonly connectionAgeMs: number;
  /** After SIGTERM: how long callers that keep connections have to learn of it, ms. */
  readonly drainMs: number;
}

function number(env: NodeJS.ProcessEnv, name: string, fallback: number, min = 1): number {
  const text = env[name];
  if (text === undefined || text === "") return fallback;
  const value = Number(text);
  if (!Number.isInteger(value) || value < min) {
    throw new Error(`${name} is "${text}", expected a whole number ${min > 0 ? "above 0" : "from 0"}`);
  }
  return value;
}

function url(env: NodeJS.ProcessEnv, name: string): HostPort | undefined {
  return env[name] ? hostPort(name, env[name]) : undefined;
}

function hostPort(name: string, text: string): HostPort {
  if (!URL.canParse(text) || new URL(text).protocol !== "redis:" || new URL(text).hostname === "") {
    throw new Error(`${name} is "${text}", expected redis://host:port`);
  }
  const { hostname, port } = new URL(text);
  return { host: hostname.replace(/^\[|\]$/g, ""), port: Number(port || 6379) };
}

function watch(env: NodeJS.ProcessEnv): WatchConfig | undefined {
  const text = env["REDIS_REPLICAS_WATCH"];
  if (!text) return undefined;
  const [, namespace, service] = /^([a-z0-9-]+)\/([a-z0-9-]+)$/.exec(text) ?? [];
  if (!namespace || !service) throw new Error(`REDIS_REPLICAS_WATCH is "${text}", expected namespace/service`);
  const host = env["KUBERNETES_SERVICE_HOST"];
  const server =
    env["KUBERNETES_API_URL"] ||
    (host ? `https://${host.includes(":") ? `[${host}]` : host}:${env["KUBERNETES_SERVICE_PORT"] || 443}` : undefined);
  if (!server) throw new Error("REDIS_REPLICAS_WATCH is set, but KUBERNETES_SERVICE_HOST is not: no cluster to ask");
  return {
    namespace,
    service,
    server,
    credentialsDir: env["KUBERNETES_CREDENTIALS_DIR"] || "/var/run/secrets/kubernetes.io/serviceaccount",
  };
}

/** `host:port,host:port,…` */
function sentinels(env: NodeJS.ProcessEnv): SentinelConfig | undefined {
  const text = env["REDIS_SENTINELS"];
  if (!text) return undefined;
  if (env["REDIS_MAIN_URL"]) throw new Error("REDIS_SENTINELS and REDIS_MAIN_URL are both set: one of them knows main");
  const found = text.split(",").map((part) => {
    const [, host, port] = /^\s*\[?([\w.:-]+?)\]?:(\d+)\s*$/.exec(part) ?? [];
    if (!host || !port) throw new Error(`REDIS_SENTINELS is "${text}", expected host:port,host:port`);
    return { host, port: Number(port) };
  });
  return { sentinels: found, name: env["REDIS_SENTINEL_NAME"] || "main" };
}

function oneOf<T extends string>(env: NodeJS.ProcessEnv, name: string, values: readonly T[], fallback: T): T {
  const text = env[name] || fallback;
  const value = values.find((v) => v === text);
  if (!value) throw new Error(`${name} is "${text}", expected ${values.join(" or ")}`);
  return value;
}

function login(env: NodeJS.ProcessEnv, user: string, file: string): Login | undefined {
  const passwordFile = env[file];
  if (!passwordFile) {
    if (env[user]) throw new Error(`${user} is "${env[user]}", but ${file} names no file with its password`);
    return undefined;
  }
  const found = { user: env[user] || undefined, passwordFile };
  // at once, not at the first connection
  readPassword(found);
  return found;
}

function tls(env: NodeJS.ProcessEnv): TlsConfig | undefined {
  const file = env["REDIS_TLS_CA_FILE"];
  if (!file) return undefined;
  try {
    return { ca: readFileSync(file, "utf8"), servername: env["REDIS_TLS_NAME"] || "redis-main" };
  } catch (error) {
    throw new Error(`REDIS_TLS_CA_FILE is "${file}", which cannot be read: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** Throws one sentence that names the variable and what it takes. */
export function readConfig(env: NodeJS.ProcessEnv): ApiConfig {
  const writer = login(env, "REDIS_USER", "REDIS_PASSWORD_FILE");
  const main = sentinels(env) ?? url(env, "REDIS_MAIN_URL") ?? { host: "127.0.0.1", port: 6379 };
  const replicas = (env["REDIS_REPLICAS_URL"] || "").split(",").filter((text) => text.trim() !== "");
  const commandTimeoutMs = number(env, "REDIS_COMMAND_TIMEOUT_MS", 1000);
  return {
    port: number(env, "PORT", 3000),
    main,
    commitCopies: number(env, "REDIS_COMMIT_COPIES", 0, 0),
    poolCopies: number(env, "REDIS_POOL_COPIES", 0, 0),
    commitTo: oneOf(env, "REDIS_COMMIT_TO", ["disk", "memory"], "disk"),
    replicas: replicas
      .map((text) => hostPort("REDIS_REPLICAS_URL", text.trim()))
      .filter(({ host, port }) => "sentinels" in main || host !== main.host || port !== main.port),
    replicasDns: url(env, "REDIS_REPLICAS_DNS"),
    replicasWatch: watch(env),
    tls: tls(env),
    login: writer,
    readLogin: login(env, "REDIS_READ_USER", "REDIS_READ_PASSWORD_FILE") ?? writer,
    allowedOrigins: (env["ALLOWED_ORIGINS"] || "*").split(",").map((o) => o.trim()),
    commandTimeoutMs,
    writePatienceMs: number(env, "REDIS_WRITE_PATIENCE_MS", commandTimeoutMs),
    readTimeoutMs: number(env, "REDIS_READ_TIMEOUT_MS", 300),
    connectTimeoutMs: number(env, "REDIS_CONNECT_TIMEOUT_MS", 1000),
    mainPatienceMs: number(env, "REDIS_MAIN_PATIENCE_MS", 30_000),
    checkMs: number(env, "REDIS_CHECK_MS", 1000),
    maxLagMs: number(env, "REDIS_MAX_LAG_MS", 5000),
    maxStaleSeconds: number(env, "REDIS_MAX_STALE_SECONDS", 60),
    maxInFlight: number(env, "MAX_IN_FLIGHT", 512),
    maxBytesInFlight: number(env, "MAX_BYTES_IN_FLIGHT", 48 * 1024 * 1024),
    maxLists: number(env, "MAX_LISTS", 4),
    connectionAgeMs: number(env, "CONNECTION_AGE_MS", 10_000),
    drainMs: number(env, "DRAIN_MS", 5000),
  };
}
