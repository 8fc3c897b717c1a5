/**
 * Sends HTTP requests to other machines through the proxy that HTTPS_PROXY, HTTP_PROXY and NO_PROXY select. Before
 * version 24, Node's own `fetch` ignores these variables.
 *
 * The rules are those of Go's net/http, so that this project, Terraform, kubectl and the Docker provider use the same
 * route to a registry: NO_PROXY also covers subdomains and CIDR blocks, and requests to this machine never use a proxy.
 * undici's EnvHttpProxyAgent does not follow these rules, so only its ProxyAgent is used.
 */
import { BlockList, isIP } from "node:net";
import { proxyVariables, type ProxyVariables } from "./sources";

const DEFAULT_PORT: Readonly<Record<string, string>> = { "http:": "80", "https:": "443" };

const bare = (host: string): string => host.replace(/^\[|\]$/g, "");

const family = (address: string) => (isIP(address) === 6 ? "ipv6" : "ipv4");

function isLoopback(host: string): boolean {
  if (host === "localhost") return true;
  if (!isIP(host)) return false;
  const local = new BlockList();
  local.addSubnet("127.0.0.0", 8);
  local.addAddress("::1", "ipv6");
  return local.check(host, family(host));
}

/** Whether one NO_PROXY entry covers a host. */
function covers(entry: string, host: string, port: string): boolean {
  if (entry === "*") return true;
  const [, block, bits] = /^([\d.]+|[\da-f:]+)\/(\d+)$/i.exec(entry) ?? [];
  if (block && isIP(block)) {
    const blocks = new BlockList();
    blocks.addSubnet(block, Number(bits), family(block));
    return isIP(host) !== 0 && blocks.check(host, family(host));
  }
  const [, name = entry, entryPort] = isIP(entry) ? [] : (/^(.*?)(?::(\d+))?$/.exec(entry) ?? []);
  if (entryPort !== undefined && entryPort !== port) return false;
  const domain = bare(name).replace(/^\*(?=\.)/, "");
  return domain.startsWith(".") ? host.endsWith(domain) : host === domain || host.endsWith(`.${domain}`);
}

/** The URL of the proxy for a request; undefined if the request uses none. */
export function proxyFor(url: URL, variables: ProxyVariables): string | undefined {
  const proxy = url.protocol === "https:" ? variables.https : variables.http;
  const host = bare(url.hostname).toLowerCase();
  if (!proxy || isLoopback(host)) return undefined;
  const port = url.port || DEFAULT_PORT[url.protocol] || "";
  const exceptions = (variables.no ?? "")
    .toLowerCase()
    .split(",")
    .map((entry) => entry.trim());
  if (exceptions.some((entry) => entry !== "" && covers(entry, host, port))) return undefined;
  return proxy.includes("://") ? proxy : `http://${proxy}`;
}

/** Like `fetch`, but through the proxy that the environment names for this URL. */
export async function fetchOutside(address: string | URL, init: RequestInit = {}): Promise<Response> {
  const url = new URL(address);
  const proxy = proxyFor(url, proxyVariables());
  if (proxy === undefined) return fetch(url, init);
  // a dispatcher works only with `fetch` from the same version of undici
  const undici = await import("undici");
  // like Go and curl, use a tunnel only for HTTPS, because many proxies allow CONNECT only to port 443
  const dispatcher = new undici.ProxyAgent({ uri: proxy, proxyTunnel: url.protocol === "https:" });
  const response = await undici.fetch(url, { ...(init as import("undici").RequestInit), dispatcher });
  return response as unknown as Response;
}

/** What Node.js' error codes say about a rejected certificate, and how to fix the problem. */
const CERTIFICATES: readonly (readonly [RegExp, string])[] = [
  [
    /SELF_SIGNED|UNABLE_TO_(VERIFY|GET)/,
    "its certificate was issued by an authority that Node.js on this machine does not trust; set NODE_EXTRA_CA_CERTS to a file with that authority's certificate, and for Terraform add the certificate to the system's trusted certificates",
  ],
  [/CERT_(HAS_EXPIRED|NOT_YET_VALID)/, "by this machine's clock, its certificate has expired or is not valid yet"],
  [/ALTNAME_INVALID/, "its certificate is for another name"],
];

/** A short reason why `fetchOutside` failed, which names the proxy if one was used. */
export function fetchProblem(error: unknown, address: string | URL): string {
  let first = error as Error & { code?: unknown };
  if (first.name === "TimeoutError") return `no answer in time${through(address)}`;
  // fetch wraps the reason several times
  while ((first.cause as Error | undefined)?.message) first = first.cause as typeof first;
  const code = typeof first.code === "string" && !first.code.startsWith("UND_") ? first.code : undefined;
  const certificate = code && CERTIFICATES.find(([pattern]) => pattern.test(code))?.[1];
  return `${certificate ? `${certificate} (${code})` : (code ?? first.message)}${through(address)}`;
}

function through(address: string | URL): string {
  const proxy = proxyFor(new URL(address), proxyVariables());
  return proxy === undefined ? "" : `, through the proxy ${new URL(proxy).host}`;
}
