/** Queries an image registry for a tag through its HTTP API, without changing anything. */
import { createHash } from "node:crypto";
import type { Config } from "../../config";
import { fetchOutside, fetchProblem } from "../../config/proxy";
import { apiHost, dockerLogin, isDockerHub, type Login } from "./registry-login";
import { authorize, type Authorization } from "./registry-token";

/** State of a tag in the registry. If the registry is unreachable, a tag never counts as absent. */
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

/** Splits `host[:port]/some/prefix` into the host and the repository prefix. */
export function splitAddress(address: string): { host: string; prefix: string } {
  const [host = "", ...rest] = address.split("/");
  return { host, prefix: rest.map((part) => `${part}/`).join("") };
}

/** Registries that answer 401, not 404, for a repository that a push would create. */
const hidesMissing = (host: string): boolean => isDockerHub(host) || host === "quay.io";

const isRefusal = (status: number): boolean => status === 401 || status === 403;

/** Whether the response can come from a registry; registries report errors as JSON. */
const isRegistry = ({ headers }: Response): boolean =>
  headers.has("docker-distribution-api-version") || /json/.test(headers.get("content-type") ?? "");

/** Whether a registry's address is on this machine. */
export const isThisMachine = (host: string): boolean => /^(localhost|127\.|\[::1\])/.test(host);

/** What to do after a refusal. */
function howToLogIn(registry: Registry, host: string, login: Login | undefined): string {
  const command = isDockerHub(host) ? "`docker login`" : `\`docker login ${host}\``;
  if (registry.auth === "none") return `log in with ${command} and set registry.auth to docker`;
  if (!login) return `${registry.dockerConfig} has no login for this registry; log in with ${command}`;
  return `the login in ${registry.dockerConfig} is not allowed to read this repository or has expired; log in again with ${command}`;
}

function otherServer(host: string, response: Response): string {
  const airplay = /^airtunes/i.test(response.headers.get("server") ?? "");
  const what = airplay ? "is AirPlay on macOS" : "is not an image registry";
  const then = airplay ? "turn off AirPlay Receiver in its settings, or start" : "start";
  return `${host} ${what} (it answered ${response.status}); ${then} the registry on another port and set registry.push`;
}

/** The digest of a manifest, taken from the registry's header or, without one, computed from the content. */
async function digestOf(head: Response, get: () => Promise<Response>): Promise<string | undefined> {
  const named = head.headers.get("docker-content-digest");
  if (named) return named;
  const response = await get();
  const content = Buffer.from(await response.arrayBuffer());
  try {
    const isManifest = (JSON.parse(content.toString("utf8")) as { schemaVersion?: number }).schemaVersion === 2;
    return response.ok && isManifest ? `sha256:${createHash("sha256").update(content).digest("hex")}` : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Queries one tag; `repository` is relative to the registry's address. Takes at most 5 × 5 s, plus the time that a
 * credential helper needs. Never throws.
 */
export async function tagState(registry: Registry, repository: string, tag: string): Promise<TagState> {
  const { host, prefix } = splitAddress(registry.push);
  const unreachable = (reason: string): TagState => ({ state: "unreachable", reason });
  if (isDockerHub(host) && prefix === "")
    return unreachable(`${host} needs your account name: set registry.push to ${host}/NAME`);
  const base = `${registry.insecure ? "http" : "https"}://${apiHost(host)}/v2/`;
  const name = `${prefix}${repository}`;
  const request = (path: string, method: "HEAD" | "GET", authorization?: string) =>
    fetchOutside(`${base}${path}`, {
      method,
      headers: { accept: MANIFESTS, ...(authorization ? { authorization } : {}) },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  const manifest = `${name}/manifests/${tag}`;
  try {
    const login = registry.auth === "docker" ? dockerLogin(registry.dockerConfig, host) : undefined;
    let response = await request(manifest, "HEAD");
    let authorization: Authorization = { isLoggedIn: false };
    // without a login, some registries answer 404 for private repositories, or reject the request without a challenge
    if (response.status === 401 || (login && [403, 404].includes(response.status))) {
      const challenge =
        response.headers.get("www-authenticate") ?? (await request("", "GET")).headers.get("www-authenticate") ?? "";
      authorization = await authorize(challenge, login, name, TIMEOUT_MS);
      if (authorization.header) response = await request(manifest, "HEAD", authorization.header);
    }
    if (!response.ok && isThisMachine(host) && !isRegistry(response) && !response.headers.has("www-authenticate"))
      return unreachable(otherServer(host, response));
    if (response.status === 404) return { state: "absent" };
    if (isRefusal(response.status)) {
      if (authorization.isLoggedIn && hidesMissing(host)) return { state: "absent" };
      return unreachable(`${host} answered ${response.status}; ${howToLogIn(registry, host, login)}`);
    }
    if (!response.ok) return unreachable(`${host} answered ${response.status}`);
    const digest = await digestOf(response, () => request(manifest, "GET", authorization.header));
    return digest ? { state: "held", digest } : unreachable(`${host} did not return the tag's digest`);
  } catch (error) {
    if (error instanceof SyntaxError) return unreachable(`${registry.dockerConfig}: ${error.message}`);
    return unreachable(`${host}: ${fetchProblem(error, base)}`);
  }
}
