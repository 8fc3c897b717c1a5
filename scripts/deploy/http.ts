/** HTTP requests for the smoke test, with a timeout and with errors that name the request and the reason. */
import { fetchOutside, fetchProblem } from "../../config/proxy";

export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
}

export async function request(url: string, init: RequestInit = {}, timeoutMs = 10_000): Promise<Answer> {
  try {
    const response = await fetchOutside(url, { ...init, signal: AbortSignal.timeout(timeoutMs) });
    return { status: response.status, text: await response.text(), headers: response.headers };
  } catch (error) {
    throw new Error(`${init.method ?? "GET"} ${url}: ${fetchProblem(error, url)}`, { cause: error });
  }
}

export const sendJson = (method: string, body: object): RequestInit => ({
  method,
  headers: { "content-type": "application/json" },
  body: JSON.stringify(body),
});
