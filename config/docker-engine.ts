/**
 * Finds the Docker engine that the `docker` command uses. Terraform's provider supports DOCKER_HOST, but not the
 * current Docker context, which Docker Desktop, Colima and rootless Docker set.
 */
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";

export interface DockerEngine {
  /** Address, such as `unix:///run/user/1000/docker.sock`. */
  readonly host: string;
  /**
   * Folder with the ca.pem, cert.pem and key.pem of a context that uses TLS.
   * @default no TLS, or DOCKER_CERT_PATH
   */
  readonly certificates?: string;
}

/** The folder with Docker's client configuration: DOCKER_CONFIG, or ~/.docker. */
export const dockerFolder = (env: NodeJS.ProcessEnv, home: string): string =>
  env["DOCKER_CONFIG"] || path.join(home, ".docker");

function readJson(file: string): Record<string, unknown> {
  try {
    return JSON.parse(fs.readFileSync(file, "utf8")) as Record<string, unknown>;
  } catch {
    return {};
  }
}

/**
 * The engine, from the first of these that is set, in the same order as in the `docker` command: DOCKER_HOST,
 * DOCKER_CONTEXT, the current context. undefined means the default engine.
 */
export function dockerEngine(env: NodeJS.ProcessEnv, home: string): DockerEngine | undefined {
  if (env["DOCKER_HOST"]) return { host: env["DOCKER_HOST"] };
  const folder = dockerFolder(env, home);
  const name = env["DOCKER_CONTEXT"] || readJson(path.join(folder, "config.json"))["currentContext"];
  if (typeof name !== "string" || name === "" || name === "default") return undefined;
  const id = createHash("sha256").update(name).digest("hex");
  const { Endpoints } = readJson(path.join(folder, "contexts", "meta", id, "meta.json")) as {
    Endpoints?: { docker?: { Host?: string } };
  };
  const host = Endpoints?.docker?.Host;
  if (!host) return undefined;
  const certificates = path.join(folder, "contexts", "tls", id, "docker");
  return fs.existsSync(path.join(certificates, "cert.pem")) ? { host, certificates } : { host };
}
