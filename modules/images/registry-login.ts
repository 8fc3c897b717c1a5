/** Reads the logins that `docker login` stored in Docker's configuration file or in a credential helper. */
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";

/** Some helpers are slow: gcloud's takes seconds to start. */
const HELPER_MS = 20_000;

/** Docker Hub has several names, but only one login and one API. */
const HUB_HOSTS: readonly string[] = [
  "docker.io",
  "index.docker.io",
  "registry-1.docker.io",
  "registry.hub.docker.com",
];
/** The key under which Docker stores Docker Hub's login; it is a URL for historical reasons. */
const HUB_LOGIN = "https://index.docker.io/v1/";

export const isDockerHub = (host: string): boolean => HUB_HOSTS.includes(host);

/** The host of a registry's API; docker.io itself only serves a website. */
export const apiHost = (host: string): string => (isDockerHub(host) ? "registry-1.docker.io" : host);

/**
 * The registry's address as Terraform's Docker provider needs it. The provider uses the host for both the login and the
 * API, and for Docker Hub only this name works for both.
 */
export function providerAddress(address: string): string {
  const [host = "", ...rest] = address.split("/");
  return [isDockerHub(host) ? "index.docker.io" : host, ...rest].join("/");
}

/** A login: a user and password, or a token that the registry issued in exchange for them. */
export type Login =
  { readonly kind: "password"; readonly basic: string } | { readonly kind: "identity token"; readonly token: string };

interface Entry {
  readonly auth?: string;
  readonly username?: string;
  readonly password?: string;
  readonly identitytoken?: string;
}
interface DockerConfig {
  readonly auths?: Readonly<Record<string, Entry>>;
  readonly credHelpers?: Readonly<Record<string, string>>;
  readonly credsStore?: string;
}

const password = (user: string, secret: string): Login => ({
  kind: "password",
  basic: Buffer.from(`${user}:${secret}`).toString("base64"),
});

/**
 * Queries a credential helper for a key, and returns the helper's JSON. @throws if the helper is missing or does not
 * have the key
 */
export type AskHelper = (helper: string, key: string) => string;

const askHelper: AskHelper = (helper, key) =>
  execFileSync(`docker-credential-${helper}`, ["get"], {
    input: key,
    timeout: HELPER_MS,
    stdio: ["pipe", "pipe", "ignore"],
  }).toString();

function fromHelper(helper: string, key: string, ask: AskHelper): Login | undefined {
  try {
    const { Username, Secret } = JSON.parse(ask(helper, key)) as { Username: string; Secret: string };
    return Username === "<token>" ? { kind: "identity token", token: Secret } : password(Username, Secret);
  } catch {
    return undefined;
  }
}

function fromEntry({ auth, username, password: secret, identitytoken }: Entry): Login | undefined {
  if (identitytoken) return { kind: "identity token", token: identitytoken };
  if (auth) return { kind: "password", basic: auth };
  return username && secret ? password(username, secret) : undefined;
}

const hostOf = (key: string): string => key.replace(/^https?:\/\//, "").split("/")[0]!;

/** The login for a host; undefined if there is none. @throws if the file is not JSON */
export function dockerLogin(file: string, host: string, ask: AskHelper = askHelper): Login | undefined {
  if (!fs.existsSync(file)) return undefined;
  const { auths = {}, credHelpers = {}, credsStore } = JSON.parse(fs.readFileSync(file, "utf8")) as DockerConfig;
  const keys = isDockerHub(host) ? [HUB_LOGIN, ...HUB_HOSTS] : [host, `https://${host}`];
  for (const key of keys) {
    const helper = credHelpers[key] ?? credsStore;
    const login = helper ? fromHelper(helper, key, ask) : undefined;
    if (login) return login;
  }
  // Docker accepts a URL with any path in place of a host
  const names = [...keys, ...Object.keys(auths).filter((key) => hostOf(key) === host)];
  for (const name of names) {
    const login = auths[name] && fromEntry(auths[name]);
    if (login) return login;
  }
  return undefined;
}
