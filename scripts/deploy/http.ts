/** HTTP requests of the smoke test: with a timeout, and an error that names the request and the reason. */
export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
}

export async function request(url: string, init: RequestInit = {}, timeoutMs = 10_000): Promise<Answer> {
  try {
    const response = await fetch(url, { ...init, signal: AbortSignal.timeout(timeoutMs) });
    return { status: response.status, text: await response.text(), headers: response.headers };
  } catch (error) {
    const e = error as Error & { cause?: { code?: string; message?: string } };
    throw new Error(`${init.method ?? "GET"} ${url}: ${e.cause?.code ?? e.cause?.message ?? e.message}`, {
      cause: error,
    });
  }
}

export const sendJson = (method: string, body: object): RequestInit => ({
  method,
  headers: { "content-type": "application/json" },
  body: JSON.stringify(body),
});
