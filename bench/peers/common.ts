/**
 * The code that all peers share with the API: input validation, lists, limits and metrics. So the comparison covers
 * only the HTTP framework, the Redis client and the replica pool.
 */
import { Admission } from "../../images/node/src/admission";
import { type HostPort, readConfig } from "../../images/node/src/config";
import { badRequest, HttpError, toHttpError } from "../../images/node/src/http/errors";
import { checkLimit, stream } from "../../images/node/src/http/listing";
import { checkMatch } from "../../images/node/src/http/match";
import { page } from "../../images/node/src/http/page";
import { Metrics } from "../../images/node/src/metrics/metrics";
import { credentials } from "../../images/node/src/credentials";
import type { Scanned, ScanQuery } from "../../images/node/src/redis/reads/scanner";
import type { Consistency, Store } from "../../images/node/src/redis/store";

export { checkId, checkValue, consistencyOf, LIMITS } from "../../images/node/src/http/input";
export { HttpError, badRequest, Metrics };

export const config = readConfig(process.env);
/** Main's address: the peers do not support Sentinel. */
export const main = ((): HostPort => {
  if ("sentinels" in config.main) throw new Error("a peer needs REDIS_MAIN_URL");
  return config.main;
})();
/** Login options for both libraries. */
export const login = ((): { password?: string } => {
  const { password } = credentials(config.login);
  return password === undefined ? {} : { password };
})();
export const admission = new Admission(config);

/** A peer's Redis operations: the minimum that the routes need. */
export interface PlainStore {
  get(id: string, consistency: Consistency): Promise<string | null>;
  set(id: string, value: string): Promise<unknown>;
  delete(id: string): Promise<unknown>;
  /** Runs one step of a scan: on the replica, or on main for a strong read. */
  scan(cursor: string, match: string | undefined, count: number, consistency: Consistency): Promise<[string, string[]]>;
}

/** A store that uses two clients of the same library. `scan` is passed in, because the libraries' signatures differ. */
export function plainStore<C extends PlainClient>(
  main: C,
  replica: C,
  scan: (client: C, cursor: string, match: string | undefined, count: number) => Promise<[string, string[]]>,
): PlainStore {
  const from = (consistency: Consistency) => (consistency === "strong" ? main : replica);
  return {
    get: (id, consistency) => from(consistency).get(id),
    set: (id, value) => main.set(id, value),
    delete: (id) => main.del(id),
    scan: (cursor, match, count, consistency) => scan(from(consistency), cursor, match, count),
  };
}
interface PlainClient {
  get(id: string): Promise<string | null>;
  set(id: string, value: string): Promise<unknown>;
  del(id: string): Promise<unknown>;
}

/** A fixed run id: with one replica connection, all cursors belong to one instance. */
const RUN_ID = "a".repeat(40);

function scanning(store: PlainStore): Store {
  const scan = async (
    { match, count, strong }: ScanQuery,
    from?: Pick<Scanned, "runId" | "cursor">,
  ): Promise<Scanned | undefined> => {
    if (from && from.runId !== RUN_ID) return undefined;
    const [cursor, keys] = await store.scan(from?.cursor ?? "0", match, count, strong ? "strong" : "eventual");
    return { runId: RUN_ID, keys, cursor };
  };
  return { scan } as unknown as Store;
}

/** Answers `GET /items` with a page, or with the chunks of a stream. */
export async function list(
  store: PlainStore,
  query: URLSearchParams,
  consistency: Consistency,
): Promise<string | AsyncGenerator<string>> {
  const wanted = { match: checkMatch(query.get("match")), strong: consistency === "strong", left: () => false };
  if (!query.has("limit") && !query.has("cursor")) return stream(scanning(store), wanted);
  const limit = checkLimit(query.get("limit"));
  // the peers have no limit on memory
  return page(scanning(store), wanted, limit, query.get("cursor"), () => undefined);
}

/** The same metrics as the API's, except those of the replica pool. */
export const metricsWithoutPool = (): Metrics =>
  new Metrics(
    admission,
    {
      pool: { all: [] },
      discovery: { source: "address" },
      main: { usable: true },
      readsFromMain: {},
    } as unknown as Store,
    () => 0,
  );

export function fieldsOf(body: unknown, contentType: string | undefined): Record<string, unknown> {
  const type = (contentType ?? "").split(";")[0]!.trim().toLowerCase();
  if (type !== "application/json" && type !== "application/x-www-form-urlencoded") {
    throw badRequest("content-type must be application/json or application/x-www-form-urlencoded");
  }
  if (typeof body !== "object" || body === null || Array.isArray(body))
    throw badRequest("the body must be a JSON object");
  return body as Record<string, unknown>;
}

/** The status that the API returns for an error. */
export const statusOf = (error: unknown): number => toHttpError(error)?.status ?? 500;
export const tooLarge = (): HttpError => new HttpError(413, "the body is larger than 1572864 bytes");
export const METHODS: Readonly<Record<string, string>> = {
  "/": "GET",
  "/item": "GET, POST, DELETE",
  "/items": "GET",
  "/metrics": "GET",
  "/livez": "GET",
  "/readyz": "GET",
};
export const greeting = (id: string): string => `It is working, good job ${id} ${Date.now()}`;
