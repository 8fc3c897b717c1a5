/**
 * Requests to the Kubernetes API, as plain HTTPS, because the Kubernetes client library is many times the size of the
 * rest of this program and needs more memory than all of it.
 * Source: kubernetes.io/docs/reference/using-api/api-concepts
 */
import { readFileSync } from "node:fs";
import * as http from "node:http";
import * as https from "node:https";
import { join } from "node:path";
import type { KubernetesConfig } from "../config";

/** The API server answered with an unsuccessful status. */
export class StatusError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** A short reason for a log line: the error's code if it has one, otherwise its message. */
export const reasonOf = (error: unknown): string => {
  const { code, message } = error as NodeJS.ErrnoException;
  return code ?? message;
};

export interface CallOptions {
  /** Time limit for the whole answer. */
  readonly timeoutMs: number;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: object;
  /** @default application/json */
  readonly contentType?: string;
}

/** Credentials are read again after this time, because the kubelet renews the token within the hour. */
const CREDENTIALS_MS = 30_000;
/**
 * A connection that carries no data for this time is probed; Node.js then probes once a second, and gives up after ten
 * probes. Otherwise, a watch would not notice an API server that disappeared without closing the connection.
 */
const PROBE_AFTER_MS = 5000;

export class KubernetesClient {
  private readonly agent: http.Agent;
  private credentials: { readonly at: number; readonly token: string; readonly ca: Buffer | undefined } | undefined;

  constructor(private readonly config: KubernetesConfig) {
    const options = { keepAlive: true, keepAliveMsecs: PROBE_AFTER_MS };
    this.agent = this.isPlain ? new http.Agent(options) : new https.Agent(options);
  }

  /** @returns the answer's JSON @throws StatusError, or another error if there is no answer */
  async call<T>(method: string, path: string, options: CallOptions): Promise<T> {
    const request = this.request(method, path, options);
    const timer = setTimeout(
      () => request.destroy(new Error(`no answer within ${options.timeoutMs} ms`)),
      options.timeoutMs,
    );
    try {
      return JSON.parse(await text(await answer(request))) as T;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Sends a request whose answer is a stream. Destroying the request ends the stream. */
  open(path: string, query: Readonly<Record<string, string>>): http.ClientRequest {
    return this.request("GET", path, { timeoutMs: 0, query });
  }

  stop(): void {
    this.agent.destroy();
  }

  private get isPlain(): boolean {
    return this.config.server.startsWith("http:");
  }

  private request(method: string, path: string, { query, body, contentType }: CallOptions): http.ClientRequest {
    const url = new URL(path, this.config.server);
    url.search = new URLSearchParams(query).toString();
    const { token, ca } = this.current();
    const data = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
    const headers = {
      authorization: `Bearer ${token}`,
      accept: "application/json",
      "user-agent": "iacproject-scaler",
      ...(data ? { "content-type": contentType ?? "application/json", "content-length": data.length } : {}),
    };
    const options = { method, headers, agent: this.agent };
    const request = this.isPlain ? http.request(url, options) : https.request(url, { ...options, ca });
    request.setSocketKeepAlive(true, PROBE_AFTER_MS);
    request.end(data);
    return request;
  }

  /** @throws if the files cannot be read */
  private current(): { readonly token: string; readonly ca: Buffer | undefined } {
    const now = performance.now();
    if (!this.credentials || now - this.credentials.at > CREDENTIALS_MS) {
      const file = (name: string) => readFileSync(join(this.config.credentialsDir, name));
      this.credentials = {
        at: now,
        token: file("token").toString().trim(),
        ca: this.isPlain ? undefined : file("ca.crt"),
      };
    }
    return this.credentials;
  }
}

/** Resolves once the answer's headers have arrived. @throws StatusError */
export function answer(request: http.ClientRequest): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once("error", reject);
    request.once("response", (response) => {
      // an error in a stream without a reader must not end the process
      response.on("error", () => undefined);
      const { statusCode = 0 } = response;
      if (statusCode >= 200 && statusCode < 300) return resolve(response);
      response.resume();
      reject(new StatusError(statusCode, `the Kubernetes API answered ${statusCode}`));
    });
  });
}

async function text(response: http.IncomingMessage): Promise<string> {
  let found = "";
  for await (const chunk of response.setEncoding("utf8") as AsyncIterable<string>) found += chunk;
  return found;
}
