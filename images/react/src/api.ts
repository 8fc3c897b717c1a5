/** Calls the API under /api on the page's own origin. Failures are {@link ApiError}s whose message the page shows. */
import { t } from "./text";

const TIMEOUT_MS = 8000;

export class ApiError extends Error {
  override readonly name = "ApiError";
  constructor(
    message: string,
    /** HTTP status; 0 if there was no response. */
    readonly status: number,
    cause?: unknown,
  ) {
    super(message, { cause });
  }
}

/** Mirrors the API's types, which docs/api.md describes. */
export interface Status {
  readonly server: { readonly id: string; readonly name: string; readonly uptimeSeconds: number };
  readonly requests: { readonly answered: number; readonly inFlight: number; readonly shed: number };
  readonly main: { readonly up: boolean };
  readonly replicas: readonly {
    readonly name: string;
    readonly state: string;
    readonly lagSeconds: number | null;
    readonly reads: number;
  }[];
}
export interface Copies {
  readonly main: { readonly bytes: number | null };
  readonly replicas: readonly { readonly name: string; readonly same?: boolean; readonly reason?: string }[];
}
export interface Page {
  readonly items: readonly string[];
  /** Start of the next page; null on the last one. */
  readonly cursor: string | null;
}

async function call(path: string, init: RequestInit = {}): Promise<Response> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  let response: Response;
  try {
    response = await fetch(`/api${path}`, {
      ...init,
      signal: init.signal ? AbortSignal.any([init.signal, timeout]) : timeout,
    });
  } catch (error) {
    // cancelled by the page itself, so there is no error to show
    if (init.signal?.aborted) throw error;
    throw new ApiError(timeout.aborted ? t.apiLate : t.apiDown, 0, error);
  }
  if (response.ok || response.status === 404) return response;
  const reason = await response
    .json()
    .then((body: { error?: string }) => body.error)
    .catch(() => undefined);
  throw new ApiError(reason ?? t.apiAnswered(response.status), response.status);
}

const json = (method: string, body: object): RequestInit => ({
  method,
  headers: { "content-type": "application/json" },
  body: JSON.stringify(body),
});
const STRONG = { headers: { consistency: "strong" } };

/** How long this page reads from main after a write: replicas may not have the write yet. */
const OWN_WRITE_MS = 3000;
let wroteAt = -Infinity;

/** A read that sees this page's own writes. */
const read = (path: string, signal?: AbortSignal): Promise<Response> =>
  call(path, { ...(performance.now() - wroteAt < OWN_WRITE_MS ? STRONG : {}), ...(signal ? { signal } : {}) });

async function write(init: RequestInit): Promise<void> {
  try {
    await call("/item", init);
  } finally {
    // a failed write may still have been applied
    wroteAt = performance.now();
  }
}

const PAGE_SIZE = 1000;

/** One page of the keys that match a Redis pattern. The keys are unordered and may contain duplicates. */
export async function listPage(match: string | undefined, cursor?: string, signal?: AbortSignal): Promise<Page> {
  const query = new URLSearchParams({ limit: String(PAGE_SIZE) });
  if (match !== undefined) query.set("match", match);
  if (cursor !== undefined) query.set("cursor", cursor);
  return (await (await read(`/items?${query}`, signal)).json()) as Page;
}

const textOf = async (response: Response): Promise<string | null> => (response.status === 404 ? null : response.text());

/** A key's value; null if the key does not exist. */
export const getValue = async (id: string, signal?: AbortSignal): Promise<string | null> =>
  textOf(await read(`/item?id=${encodeURIComponent(id)}`, signal));

/** A key's value, read from main only, or from a replica that the API chooses. */
export const getValueFrom = async (side: "main" | "replicas", id: string): Promise<string | null> =>
  textOf(await call(`/item?id=${encodeURIComponent(id)}`, side === "main" ? STRONG : {}));

export const setValue = (id: string, val: string): Promise<void> => write(json("POST", { id, val }));

export const deleteKey = (id: string): Promise<void> => write(json("DELETE", { id }));

/** One API pod's view of itself and of Redis. */
export const getStatus = async (signal?: AbortSignal): Promise<Status> =>
  (await (await call("/status", signal ? { signal } : {})).json()) as Status;

/** Shows which replicas have the same value for a key as main. */
export const getCopies = async (id: string): Promise<Copies> =>
  (await (await call(`/copies?id=${encodeURIComponent(id)}`)).json()) as Copies;
