/** The API under /api on the page's own origin. Every failure is an Error with words for people. */

const TIMEOUT_MS = 8000;

async function call(path: string, init: RequestInit = {}): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(`/api${path}`, { ...init, signal: AbortSignal.timeout(TIMEOUT_MS) });
  } catch (error) {
    const late = (error as Error).name === "TimeoutError";
    throw new Error(late ? "The API did not answer in time." : "The API cannot be reached.", { cause: error });
  }
  if (response.ok || response.status === 404) return response;
  const reason = await response
    .json()
    .then((body: { error?: string }) => body.error)
    .catch(() => undefined);
  throw new Error(reason ?? `The API answered ${response.status}.`);
}

const json = (method: string, body: object): RequestInit => ({
  method,
  headers: { "content-type": "application/json" },
  body: JSON.stringify(body),
});

/** For so long after a write of this page, its reads ask main: replicas may not have it yet. */
const OWN_WRITE_MS = 3000;
let wroteAt = -Infinity;

/** A read that sees what this page has written. */
const read = (path: string): Promise<Response> =>
  call(path, performance.now() - wroteAt < OWN_WRITE_MS ? { headers: { consistency: "strong" } } : {});

async function write(init: RequestInit): Promise<void> {
  try {
    await call("/item", init);
  } finally {
    // a failed one may have been carried out all the same
    wroteAt = performance.now();
  }
}

/** All keys, sorted, each once: the API may name one twice. */
export async function listKeys(): Promise<string[]> {
  const keys = (await (await read("/items")).json()) as string[];
  return [...new Set(keys)].sort((a, b) => a.localeCompare(b));
}

/** A key's value; null where there is no such key. */
export async function getValue(id: string): Promise<string | null> {
  const response = await read(`/item?id=${encodeURIComponent(id)}`);
  return response.status === 404 ? null : response.text();
}

export async function setValue(id: string, val: string): Promise<void> {
  await write(json("POST", { id, val }));
}

export async function deleteKey(id: string): Promise<void> {
  await write(json("DELETE", { id }));
}

/** Who answered: the text of the API's front door. */
export async function greeting(): Promise<string> {
  return (await call("/")).text();
}
