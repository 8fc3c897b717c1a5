/** Reads settings from the environment. Passwords come from files, never from variables. */
import { readFileSync } from "node:fs";
import { readPassword, type Login } from "./credentials";

/** `host:port` of a Redis instance. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** The EndpointSlices of one Service, watched through the Kubernetes API. */
export interface WatchConfig {
  readonly namespace: string;
  readonly service: string;
  /** Address of the Kubernetes API, `https://host:port`. */
  readonly server: string;
  /** Folder with `token` and `ca.crt`. Both are read for every connection, because tokens expire. */
  readonly credentialsDir: string;
}

/** Main as the Sentinels report it. */
export interface SentinelConfig {
  readonly sentinels: readonly HostPort[];
  /** Main's name in the Sentinels' configuration. */
  readonly name: string;
}

/** How a Redis or Sentinel instance proves its identity. */
export interface TlsConfig {
  /** Trusted certificate authorities, in PEM format. */
  readonly ca: string;
  /** Name expected in every certificate. All instances share it, because their addresses change. */
  readonly servername: string;
}

export interface ApiConfig {
  readonly port: number;
  /** Main (primary): the Redis that takes writes. */
  readonly main: HostPort | SentinelConfig;
  /** Number of copies that must have a write before it is acknowledged, not counting main. 0 means main alone. */
  readonly commitCopies: number;
  /** Where the copies must have the write. */
  readonly commitTo: "disk" | "memory";
  /** Addresses of replicas; several replicas may share an address. Empty if none are configured. */
  readonly replicas: readonly HostPort[];
  /** DNS name with one record per replica, such as a headless Service. */
  readonly replicasDns: HostPort | undefined;
  /** The Service whose endpoints are the replicas. */
  readonly replicasWatch: WatchConfig | undefined;
  /** TLS settings for every connection to Redis; undefined means no TLS. */
  readonly tls: TlsConfig | undefined;
  /** User and password for main. */
  readonly login: Login | undefined;
  /** User and password for replicas. */
  readonly readLogin: Login | undefined;
  /** Origins that browsers may call from; "*" allows all. */
  readonly allowedOrigins: readonly string[];
  /** Timeout for a reply from main, and for main to become available, in ms. */
  readonly commandTimeoutMs: number;
  /**
   * How long, in ms, a write that has certainly not been executed waits for a main that accepts it. A planned failover
   * delays a write by no more than this.
   */
  readonly writePatienceMs: number;
  /** Timeout for a replica's reply, in ms; after it, another replica is tried. */
  readonly readTimeoutMs: number;
  /** Timeout for connecting to Redis, in ms. */
  readonly connectTimeoutMs: number;
  /**
   * How long a new process waits for main before it becomes ready without it, in ms. This is longer than network
   * policies take to include a new pod during a large scale-out: until then, the pod cannot reach main, and its writes
   * would fail.
   */
  readonly mainPatienceMs: number;
  /** Interval between health checks of each Redis instance, in ms. */
  readonly checkMs: number;
  /** Maximum lag, in ms: a replica that is further behind main gets no reads. */
  readonly maxLagMs: number;
  /** A replica that has been disconnected from main for more than this number of seconds gets no reads. */
  readonly maxStaleSeconds: number;
  /** Maximum number of requests in flight; any others are rejected with 503. */
  readonly maxInFlight: number;
  /** Maximum number of connections; above it, the oldest one without a request is closed. */
  readonly maxConnections: number;
  /**
   * Maximum size of all large bodies and values in memory, in bytes; requests that would exceed it are rejected with
   * 503.
   */
  readonly maxBytesInFlight: number;
  /** Maximum number of full lists (`GET /items` without a limit) in flight; any others are rejected with 503. */
  readonly maxLists: number;
  /** Maximum number of pages of matching keys in flight; any others are rejected with 503. */
  readonly maxMatchingPages: number;
  /** Maximum number of bodies that are arriving; above it, the slowest is rejected with 503. */
  readonly maxBodiesArriving: number;
  /**
   * Mean lifetime of a keep-alive connection, in ms. Each connection lives for 0.5 to 1.5 times this, chosen at random.
   */
  readonly connectionAgeMs: number;
  /** Maximum time for callers to close their keep-alive connections after SIGTERM, in ms. */
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
  if (!server)
    throw new Error(
      "REDIS_REPLICAS_WATCH is set, but neither KUBERNETES_API_URL nor KUBERNETES_SERVICE_HOST is: no Kubernetes API to watch",
    );
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
  if (env["REDIS_MAIN_URL"]) throw new Error("REDIS_SENTINELS and REDIS_MAIN_URL are both set: set only one");
  const found = text.split(",").map((part) => {
    const [, host, port] = /^\s*\[?([\w.:-]+?)\]?:(\d+)\s*$/.exec(part) ?? [];
    if (!host || !port) throw new Error(`REDIS_SENTINELS is "${text}", expected host:port,host:port`);
    return { host, port: Number(port) };
  });
  const distinct = new Set(found.map(({ host, port }) => `${host}:${port}`)).size;
  if (distinct < 3 || distinct < found.length) {
    throw new Error(
      `REDIS_SENTINELS is "${text}", expected at least 3 different Sentinels: main is the instance that the majority of them reports`,
    );
  }
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
    if (env[user])
      throw new Error(`${user} is "${env[user]}", but ${file} is not set: it must name the file with the password`);
    return undefined;
  }
  const found = { user: env[user] || undefined, passwordFile };
  // fail at startup, not at the first connection
  readPassword(found);
  return found;
}

function tls(env: NodeJS.ProcessEnv): TlsConfig | undefined {
  const file = env["REDIS_TLS_CA_FILE"];
  if (!file) return undefined;
  try {
    return { ca: readFileSync(file, "utf8"), servername: env["REDIS_TLS_NAME"] || "redis-main" };
  } catch (error) {
    throw new Error(`REDIS_TLS_CA_FILE is "${file}", but the file cannot be read: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** Minimum response timeout, in ms: a WAIT uses up to half of it, and timers advance in steps of 20 ms. */
const MIN_COMMAND_TIMEOUT_MS = 100;

/** @throws an error that names the two settings that contradict each other */
function check(config: ApiConfig): ApiConfig {
  const { commandTimeoutMs, writePatienceMs, maxLagMs, checkMs, commitCopies, main } = config;
  if (commandTimeoutMs < MIN_COMMAND_TIMEOUT_MS) {
    throw new Error(`REDIS_COMMAND_TIMEOUT_MS is ${commandTimeoutMs}, expected at least ${MIN_COMMAND_TIMEOUT_MS}`);
  }
  if (writePatienceMs < commandTimeoutMs) {
    throw new Error(
      `REDIS_WRITE_PATIENCE_MS is ${writePatienceMs}, expected at least REDIS_COMMAND_TIMEOUT_MS (${commandTimeoutMs}): a write may take that long once it is sent`,
    );
  }
  if (maxLagMs < checkMs) {
    throw new Error(
      `REDIS_MAX_LAG_MS is ${maxLagMs}, expected at least REDIS_CHECK_MS (${checkMs}): the lag is measured once per check`,
    );
  }
  if ("sentinels" in main && commitCopies >= main.sentinels.length) {
    throw new Error(
      `REDIS_COMMIT_COPIES is ${commitCopies}, expected at most ${main.sentinels.length - 1}: each of the ${main.sentinels.length} Sentinels has one member, and one of these is main`,
    );
  }
  return config;
}

/** @throws an error that names the variable and the expected value */
export function readConfig(env: NodeJS.ProcessEnv): ApiConfig {
  const writer = login(env, "REDIS_USER", "REDIS_PASSWORD_FILE");
  const main = sentinels(env) ?? url(env, "REDIS_MAIN_URL") ?? { host: "127.0.0.1", port: 6379 };
  const replicas = (env["REDIS_REPLICAS_URL"] || "").split(",").filter((text) => text.trim() !== "");
  const commandTimeoutMs = number(env, "REDIS_COMMAND_TIMEOUT_MS", 1000);
  const maxInFlight = number(env, "MAX_IN_FLIGHT", 512);
  return check({
    port: number(env, "PORT", 3000),
    main,
    commitCopies: number(env, "REDIS_COMMIT_COPIES", 0, 0),
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
    maxInFlight,
    maxConnections: number(env, "MAX_CONNECTIONS", 1536),
    maxBytesInFlight: number(env, "MAX_BYTES_IN_FLIGHT", 48 * 1024 * 1024),
    maxLists: number(env, "MAX_LISTS", 4),
    maxMatchingPages: number(env, "MAX_MATCHING_PAGES", 32),
    maxBodiesArriving: number(env, "MAX_BODIES_ARRIVING", maxInFlight),
    connectionAgeMs: number(env, "CONNECTION_AGE_MS", 10_000),
    drainMs: number(env, "DRAIN_MS", 5000),
  });
}
