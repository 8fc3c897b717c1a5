/**
 * Fills a test's folder with the files that a Redis pod mounts: the project's scripts and configuration, with adapted
 * paths.
 */
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { PROJECT_ROOT } from "../../catalog/paths";
import { parseConfig } from "../../config";
import { mainConf, replicaConf, sentinelConf } from "../../modules/redis/conf";
import { CLI } from "../../modules/redis/tls";
import { redisUserNames, redisUsers, sentinelUsers } from "../../modules/redis/users";

const SCRIPTS = path.join(PROJECT_ROOT, "modules", "redis", "scripts");

const version = spawnSync("redis-server", ["--version"], { encoding: "utf8" });
export const hasRedis = version.status === 0;
const [, major = 0, minor = 0] = (/v=(\d+)\.(\d+)/.exec(version.stdout ?? "") ?? []).map(Number);
/** Rules for commands that Redis 7.2 added: older versions reject rules that name unknown commands. */
const UNKNOWN = major > 7 || (major === 7 && minor >= 2) ? [] : [" +waitaof", " +client|setinfo"];

export interface PodOptions {
  /** Password of each user. @default "for-tests" */
  readonly password?: string;
  /** Addresses of the Sentinel group. @default a single main */
  readonly pool?: readonly string[];
  /** Whether to use TLS; the test puts the certificates into `tls/`. */
  readonly tls?: boolean;
  /** Additional replacements in every file. */
  readonly replace?: Readonly<Record<string, string>>;
}

export const PASSWORD = "for-tests";

/** Creates `etc/` and `secret/` with their files, and empty `data/`, `run/`, `tmp/` and `start-empty/`, in `dir`. */
export function writePod(dir: string, options: PodOptions = {}): void {
  const { password = PASSWORD, pool, tls = false, replace = {} } = options;
  const at = (name: string) => path.join(dir, name);
  // longer paths come first, because they may begin with shorter ones
  const paths: Record<string, string> = {
    "/run/secrets/redis-tls": at("tls"),
    "/run/secrets/redis": at("secret"),
    "/run/start-empty": at("start-empty"),
    "/run/redis": at("run"),
    "/dev/termination-log": at("termination-log"),
    "/etc/redis": at("etc"),
    "/tmp/log": at("tmp/log"),
  };
  const inPlace = (text: string) => {
    let out = text.replaceAll(/^dir \/tmp$/gm, `dir ${at("tmp")}`).replaceAll(/(?<=[ =])\/data\b/g, at("data"));
    for (const [from, to] of Object.entries({ ...paths, ...replace })) out = out.replaceAll(from, to);
    for (const rule of UNKNOWN) out = out.replaceAll(rule, "");
    return out;
  };
  for (const folder of ["etc", "secret", "tls", "data", "run", "tmp", "start-empty"]) {
    fs.mkdirSync(at(folder), { recursive: true });
  }
  const { redis } = parseConfig(
    { redis: { durability: pool ? "ha" : "safe", ...(tls ? { tls: { secret: "redis-tls" } } : {}) } },
    { home: dir, kubeconfigEnv: undefined },
  );
  const files: Record<string, string> = {
    ...Object.fromEntries(
      fs
        .readdirSync(SCRIPTS)
        .filter((name) => tls || name !== "watch-certificate.sh")
        .map((name) => [name, fs.readFileSync(path.join(SCRIPTS, name), "utf8")]),
    ),
    "main.conf": mainConf(redis),
    "replica.conf": replicaConf(redis),
    ...(tls ? { "redis-cli": CLI } : {}),
    users: redisUsers(pool !== undefined),
    ...(pool
      ? { pool: `${pool.join("\n")}\n`, "sentinel.conf": sentinelConf(redis), "sentinel-users": sentinelUsers() }
      : {}),
  };
  const put = (name: string, text: string, mode: number) => {
    fs.rmSync(at(name), { force: true });
    fs.writeFileSync(at(name), text, { mode });
  };
  // read-only, as in a pod
  for (const [name, text] of Object.entries(files)) put(`etc/${name}`, inPlace(text), 0o555);
  // without a trailing newline, as Kubernetes mounts Secrets
  for (const user of redisUserNames) put(`secret/${user}`, password, 0o440);
}

/** Runs one of the scripts; programs in `bin/` take precedence over those of the system. */
export function runScript(dir: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const [name = "", ...more] = args;
  return spawnSync("sh", [path.join(dir, "etc", name), ...more], {
    encoding: "utf8",
    env: {
      PATH: `${path.join(dir, "etc")}:${path.join(dir, "bin")}:${process.env["PATH"]}`,
      NAMESPACE: "shop",
      POD: "redis-main-0",
      ...env,
    },
    timeout: 30_000,
  });
}
