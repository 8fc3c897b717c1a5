/**
 * The project's typed configuration.
 *
 * Later sources override earlier ones: the schema's defaults, a profile, `config.yaml` (or the file that
 * `IAC_CONFIG` names), then `IAC_…` variables (sources.ts). Nothing else in the
 * repository reads `process.env`.
 */
import * as path from "node:path";
import type { z } from "zod";
import { PROJECT_ROOT } from "../catalog/paths";
import { dockerEngine, dockerFolder } from "./docker-engine";
import { ConfigError, problem } from "./errors";
import { configKeys } from "./keys";
import { currentContext } from "./kubeconfig";
import { merge } from "./merge";
import { redact } from "./redact";
import { redirects } from "./redirects";
import { configSchema } from "./schema";
import { readSources, type Sources } from "./sources";

export { ConfigError } from "./errors";
export { configKeys, type ConfigKey } from "./keys";
export { configSchema } from "./schema";
export { canonicalQuantity, parseQuantity } from "./schema/quantity";
export { LEAST_VOLUMES, redisSizeProblems, sizeSentence, type RedisSizes } from "./schema/redis-sizes";
export { redisBytes } from "./schema/sizes";

type Parsed = z.output<typeof configSchema>;

/** The parsed configuration, with derived values. */
export interface Config extends Parsed {
  /** The image registry, with `pull` and `insecure` resolved. */
  readonly registry: Parsed["registry"] & { readonly pull: string; readonly insecure: boolean };
  /** Kubeconfig files, as Kubernetes clients merge them. Empty inside a cluster. */
  readonly kubeconfigs: readonly string[];
  /** Whether the user chose the cluster, by a context, a kubeconfig key or KUBECONFIG. */
  readonly clusterIsNamed: boolean;
  /**
   * Folder with the client certificate for the Docker engine at `images.dockerHost`, taken from a Docker context.
   * @default none, or DOCKER_CERT_PATH
   */
  readonly dockerCertificates?: string;
}
export type ScalingConfig = Config["scaling"]["exporter"];
export type ResourcesConfig = Config["node"]["resources"];
export type ImageConfig = Config["images"]["node"];
export type Receiver = Config["monitoring"]["receivers"][number];

/** Whether a registry's address, which may end with a path, is on this machine. */
const isLocal = (address: string) => /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?(\/|$)/.test(address);

const expandHome = (file: string, homeDir: Sources["home"]) => file.replace(/^~(?=\/)/, homeDir);

/** Parses one merged object. @throws {ConfigError} listing every problem */
export function parseConfig(input: unknown, sources: Pick<Sources, "kubeconfigEnv" | "home">): Config {
  const parsed = configSchema.safeParse(input);
  if (!parsed.success) {
    throw new ConfigError(parsed.error.issues.flatMap((issue) => problem(issue, input)));
  }
  const c = parsed.data;
  const kubeconfig = c.cluster.kubeconfig ?? sources.kubeconfigEnv;
  return {
    ...c,
    registry: {
      ...c.registry,
      dockerConfig: expandHome(c.registry.dockerConfig, sources.home),
      pull: c.registry.pull ?? c.registry.push,
      insecure: c.registry.insecure ?? isLocal(c.registry.push),
    },
    kubeconfigs: (kubeconfig ?? "~/.kube/config")
      .split(path.delimiter)
      .filter(Boolean)
      .map((f) => path.resolve(PROJECT_ROOT, expandHome(f, sources.home))),
    clusterIsNamed: Boolean(kubeconfig ?? c.cluster.context),
  };
}

/**
 * Parses the sources' contents, and resolves what the environment would otherwise decide later, and differently for
 * each program: the cluster's context, the Docker engine and its credentials.
 *
 * @throws {ConfigError} listing every problem, or every variable that would redirect Terraform
 */
export function configFrom(sources: Sources, overrides: Record<string, unknown> = {}): Config {
  if (sources.problems.length) throw new ConfigError(sources.problems);
  const { env, home } = sources;
  const config = parseConfig(merge(sources.merged, overrides), sources);
  const problems = redirects(env, { kubeconfigs: config.kubeconfigs, backend: config.state.backend });
  if (problems.length) throw new ConfigError(problems);

  const context = config.cluster.context ?? currentContext(config.kubeconfigs);
  const engine = config.images.dockerHost ? { host: config.images.dockerHost } : dockerEngine(env, home);
  const isDefaultLogin = config.registry.dockerConfig === path.join(home, ".docker", "config.json");
  return {
    ...config,
    cluster: { ...config.cluster, ...(context ? { context } : {}) },
    images: { ...config.images, ...(engine ? { dockerHost: engine.host } : {}) },
    registry: {
      ...config.registry,
      ...(isDefaultLogin ? { dockerConfig: path.join(dockerFolder(env, home), "config.json") } : {}),
    },
    ...(engine?.certificates ? { dockerCertificates: engine.certificates } : {}),
  };
}

/**
 * Reads all sources and parses them. `overrides`, from a command's flags or a test, come last. @throws {ConfigError}
 * listing every problem
 */
export function loadConfig(overrides: Record<string, unknown> = {}): Config {
  return configFrom(readSources(configKeys(), PROJECT_ROOT), overrides);
}

/** The configuration as `npm run config` prints it, without values that could be secret. */
export function printable(config: Config): unknown {
  return redact(config);
}
