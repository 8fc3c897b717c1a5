/** Authorizes requests to a registry by answering its challenge (distribution.github.io, "token authentication"). */
import { fetchOutside } from "../../config/proxy";
import type { Login } from "./registry-login";

export interface Authorization {
  /**
   * Value of the Authorization header.
   * @default none, because there is no login or the registry refused it
   */
  readonly header?: string;
  /** Whether the registry accepted a login; issuing a token for it counts. */
  readonly isLoggedIn: boolean;
}

const NOTHING: Authorization = { isLoggedIn: false };

const SCHEMES = { bearer: /(?:^|,\s*)bearer(?=\s|$)/i, basic: /(?:^|,\s*)basic(?=\s|$)/i } as const;

/** The parameters of one scheme in a challenge, which may list several schemes. */
function parameters(challenge: string, scheme: keyof typeof SCHEMES): Map<string, string> | undefined {
  const start = SCHEMES[scheme].exec(challenge);
  if (!start) return undefined;
  const rest = challenge.slice(start.index + start[0].length);
  const own = rest.split(/,\s*(?:bearer|basic)\s/i)[0]!;
  return new Map(
    [...own.matchAll(/(\w+)=(?:"([^"]*)"|([^\s,"]+))/g)].map(([, name, quoted, plain]) => [name!, (quoted ?? plain)!]),
  );
}

/**
 * Exchanges the login for a token, or requests an anonymous token.
 *
 * @param repository used for registries whose challenge names no scope
 */
async function bearer(
  challenge: ReadonlyMap<string, string>,
  login: Login | undefined,
  repository: string,
  timeoutMs: number,
): Promise<Authorization> {
  const realm = challenge.get("realm");
  if (!realm) return NOTHING;
  const query = new URLSearchParams();
  const service = challenge.get("service");
  if (service) query.set("service", service);
  query.set("scope", challenge.get("scope") ?? `repository:${repository}:pull`);
  const url = new URL(realm);
  const signal = AbortSignal.timeout(timeoutMs);
  let response: Response;
  if (login?.kind === "identity token") {
    query.set("grant_type", "refresh_token");
    query.set("client_id", "iacproject");
    query.set("refresh_token", login.token);
    response = await fetchOutside(url, { method: "POST", body: query, signal });
  } else {
    for (const [name, value] of query) url.searchParams.set(name, value);
    response = await fetchOutside(url, { headers: login ? { authorization: `Basic ${login.basic}` } : {}, signal });
  }
  if (response.status >= 500) throw new Error(`the token server ${url.host} answered ${response.status}`);
  const body = response.ok ? ((await response.json()) as { token?: string; access_token?: string }) : {};
  const token = body.token ?? body.access_token;
  return token ? { header: `Bearer ${token}`, isLoggedIn: login !== undefined } : NOTHING;
}

/** Returns the response to a registry's challenge (the value of its WWW-Authenticate header). */
export async function authorize(
  challenge: string,
  login: Login | undefined,
  repository: string,
  timeoutMs: number,
): Promise<Authorization> {
  const token = parameters(challenge, "bearer");
  if (token) return bearer(token, login, repository, timeoutMs);
  if (login?.kind !== "password" || !parameters(challenge, "basic")) return NOTHING;
  return { header: `Basic ${login.basic}`, isLoggedIn: false };
}
