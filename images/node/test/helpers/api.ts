/** Starts the API in this process on a free port. */
import { readConfig } from "../../src/config";
import { ApiServer } from "../../src/http/server";
import { PASSWORD_FILE } from "./redis";

export interface Api {
  readonly address: string;
  readonly server: ApiServer;
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /** The text of `GET /metrics`. */
  metrics(): Promise<string>;
  /** One value in the metrics text, by name and labels as printed; NaN if it is missing. */
  metric(series: string): Promise<number>;
}

export async function startApi(
  mainUrl: string,
  replicasUrl: string | undefined,
  env: Record<string, string> = {},
): Promise<Api> {
  const config = readConfig({
    REDIS_MAIN_URL: mainUrl,
    ...(replicasUrl === undefined ? {} : { REDIS_REPLICAS_URL: replicasUrl }),
    REDIS_COMMAND_TIMEOUT_MS: "300",
    REDIS_READ_TIMEOUT_MS: "300",
    REDIS_CONNECT_TIMEOUT_MS: "300",
    REDIS_CHECK_MS: "100",
    REDIS_MAIN_PATIENCE_MS: "3000",
    DRAIN_MS: "200",
    REDIS_PASSWORD_FILE: PASSWORD_FILE,
    ...env,
  });
  const server = new ApiServer({ ...config, port: 0 });
  const address = `http://127.0.0.1:${await server.start()}`;
  const get = (path: string, init: RequestInit = {}) =>
    fetch(`${address}${path}`, { ...init, signal: AbortSignal.timeout(10_000) });
  const metrics = async () => (await get("/metrics")).text();
  return {
    address,
    server,
    fetch: get,
    metrics,
    metric: async (series) => {
      const line = (await metrics()).split("\n").find((text) => text.startsWith(`${series} `));
      return line === undefined ? NaN : Number(line.slice(series.length + 1));
    },
  };
}

export const json = (method: string, body: unknown): RequestInit => ({
  method,
  headers: { "content-type": "application/json" },
  body: typeof body === "string" ? body : JSON.stringify(body),
});
export const form = (method: string, body: Record<string, string>): RequestInit => ({
  method,
  body: new URLSearchParams(body),
});
