/** Queries an image registry for a tag, over its HTTP API. Changes nothing. */
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import type { Config } from "../../config";

/** State of a tag in the registry. An unreachable registry never counts as absent. */
export type TagState =
  | { readonly state: "held"; readonly digest: string }
  | { readonly state: "absent" }
  | { readonly state: "unreachable"; readonly reason: string };

const MANIFESTS = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
].join(", ");
const TIMEOUT_MS = 5000;

type Registry = Pick<Config["registry"], "push" | "insecure" | "auth" | "dockerConfig">;

/** Splits `host[:port]/some/prefix` into the host and the prefix of repositories. */
export function splitAddress(address: string): { host: string; prefix: string } {
  const [host = "", ...rest] = address.split("/");
  return { host, prefix: rest.map((part) => `${part}/`).join("") };
}

const shortReason = (e: unknown): string => {
  const error = e as Error & { cause?: Error & { code?: string } };
  if (error.name === "TimeoutError") return `no answer within ${TIMEOUT_MS / 1000} s`;
  return error.cause?.code ?? error.cause?.message ?? error.message;
};

/** Login for a host, from Docker's configuration file or its credential helpers. */
function dockerLogin(file: string, host: string): string | undefined {
  if (!fs.existsSync(file)) return undefined;
  const config = JSON.parse(fs.readFileSync(file, "utf8")) as {
    auths?: Record<string, { auth?: string }>;
    credHelpers?: Record<string, string>;
    credsStore?: string;
  };
  const helper = config.credHelpers?.[host] ?? config.credsStore;
  if (helper) {
    try {
      const out = execFileSync(`docker-credential-${helper}`, ["get"], { input: host, timeout: TIMEOUT_MS });
      const { Username, Secret } = JSON.parse(out.toString()) as { Username: string; Secret: string };
      return Buffer.from(`${Username}:${Secret}`).toString("base64");
    } catch {
      // the credential store lacks this host; the plain entry below may have it
    }
  }
  return (config.auths?.[host] ?? config.auths?.[`https://${host}`])?.auth;
}

/** Exchanges the login for a token, as the registry's challenge requires. */
async function bearerToken(challenge: string, login: string | undefined): Promise<string | undefined> {
  const parts = new Map([...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name, value]));
  const realm = parts.get("realm");
  if (!realm) return undefined;
  const url = new URL(realm);
  for (const name of ["service", "scope"]) {
    const value = parts.get(name);
    if (value) url.searchParams.set(name, value);
  }
  const response = await fetch(url, {
    headers: login ? { authorization: `Basic ${login}` } : {},
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const body = response.ok ? ((await response.json()) as { token?: string; access_token?: string }) : {};
  const token = body.token ?? body.access_token;
  return token ? `Bearer ${token}` : undefined;
}

/**
 * Queries one tag; `repository` is relative to the registry's address.
 * Takes at most 3 × 5 s and never throws.
 */
export async function tagState(registry: Registry, repository: string, tag: string): Promise<TagState> {
  const { host, prefix } = splitAddress(registry.push);
  const url = `${registry.insecure ? "http" : "https"}://${host}/v2/${prefix}${repository}/manifests/${tag}`;
  const requestManifest = (authorization?: string) =>
    fetch(url, {
      method: "HEAD",
      headers: { accept: MANIFESTS, ...(authorization ? { authorization } : {}) },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  try {
    const login = registry.auth === "docker" ? dockerLogin(registry.dockerConfig, host) : undefined;
    let response = await requestManifest(login ? `Basic ${login}` : undefined);
    const challenge = response.headers.get("www-authenticate") ?? "";
    if (response.status === 401 && /^bearer/i.test(challenge))
      response = await requestManifest(await bearerToken(challenge, login));
    if (response.status === 404) return { state: "absent" };
    const digest = response.headers.get("docker-content-digest");
    if (response.ok && digest) return { state: "held", digest };
    if (response.ok) return { state: "unreachable", reason: `${host} did not return the tag's digest` };
    const hint =
      response.status === 401 || response.status === 403
        ? "; log in with `docker login` and set registry.auth to docker"
        : "";
    return { state: "unreachable", reason: `${host} answered ${response.status}${hint}` };
  } catch (e) {
    return { state: "unreachable", reason: `${host}: ${shortReason(e)}` };
  }
}
