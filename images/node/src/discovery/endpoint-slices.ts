/**
 * Finds replicas by watching their Service's EndpointSlices.
 *
 * It lists them, then watches from the list's resource version. When a watch ends, for any reason, it starts again with
 * a new list. It uses plain HTTPS, because only two kinds of requests are needed and the Kubernetes client library is
 * ten times the size of the rest of this program. Source: kubernetes.io/docs/reference/using-api/api-concepts
 */
import { readFileSync } from "node:fs";
import * as http from "node:http";
import * as https from "node:https";
import { join } from "node:path";
import { log } from "../log";
import type { WatchConfig } from "../config";
import { FAILURES_UNTIL_LOST, type Member, type Source } from "./source";

/** The server ends a watch after this time; the next one uses a fresh token. */
const WATCH_SECONDS = 120;
/** A watch without data for longer than this counts as dead. */
const SILENCE_MS = (WATCH_SECONDS + 15) * 1000;
const RETRY_MAX_MS = 10_000;
/**
 * A connection without data for this time is probed; Node.js then probes once a second, and gives up after ten. Without
 * the probes, an API server that disappeared without closing its connections would go unnoticed until SILENCE_MS.
 */
const PROBE_AFTER_MS = 5000;

/** The fields of a discovery.k8s.io/v1 EndpointSlice that are used here. */
export interface EndpointSlice {
  readonly metadata?: { readonly name?: string; readonly resourceVersion?: string };
  readonly addressType?: string;
  readonly ports?: readonly { readonly port?: number | null }[] | null;
  readonly endpoints?:
    | readonly {
        readonly addresses?: readonly string[];
        readonly conditions?: { readonly ready?: boolean | null; readonly terminating?: boolean | null };
        readonly targetRef?: { readonly name?: string };
      }[]
    | null;
}

/** The ready members in all slices of a Service, without duplicates. */
export function membersOf(slices: Iterable<EndpointSlice>): Member[] {
  const members = new Map<string, Member>();
  // with a dual-stack Service each pod is in two slices
  for (const slice of [...slices].sort((a, b) => (a.addressType ?? "").localeCompare(b.addressType ?? ""))) {
    const port = slice.ports?.[0]?.port;
    if (!port || slice.addressType === "FQDN") continue;
    for (const { addresses, conditions, targetRef } of slice.endpoints ?? []) {
      const host = addresses?.[0];
      // unknown counts as ready, as documented by the Kubernetes API
      if (!host || conditions?.ready === false || conditions?.terminating) continue;
      const name = targetRef?.name ?? `${host}:${port}`;
      if (!members.has(name)) members.set(name, { name, host, port });
    }
  }
  return [...members.values()];
}

interface WatchEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  readonly object: EndpointSlice & { readonly message?: string };
}

/** Not node:readline: with it, the error of a broken stream is unhandled and ends the process. */
async function* lines(input: http.IncomingMessage): AsyncGenerator<string> {
  let rest = "";
  for await (const chunk of input.setEncoding("utf8") as AsyncIterable<string>) {
    const parts = (rest + chunk).split("\n");
    rest = parts.pop()!;
    for (const part of parts) if (part !== "") yield part;
  }
}

export class WatchSource implements Source {
  readonly name = "watch";
  private readonly slices = new Map<string, EndpointSlice>();
  private request: http.ClientRequest | undefined;
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;
  private failures = 0;
  private lastReason = "";

  constructor(private readonly config: WatchConfig) {}

  start(found: (members: readonly Member[]) => void, lost: () => void): void {
    const run = async (): Promise<void> => {
      try {
        const version = await this.list();
        found(membersOf(this.slices.values()));
        this.failures = 0;
        this.lastReason = "";
        await this.watch(version, () => found(membersOf(this.slices.values())));
      } catch (error) {
        const reason = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
        if (!this.stopped && reason !== this.lastReason)
          log("warn", "cannot watch the replicas' EndpointSlices", { reason });
        this.lastReason = reason;
        // a list that succeeds resets the counter, so only consecutive failures reach the limit
        if (++this.failures === FAILURES_UNTIL_LOST && !this.stopped) lost();
      }
      if (this.stopped) return;
      // also after a watch that ended normally, in case the server ends every watch immediately
      const wait = Math.min(100 * 2 ** this.failures, RETRY_MAX_MS) * (0.5 + Math.random() / 2);
      this.timer = setTimeout(() => void run(), wait);
    };
    void run();
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
    this.request?.destroy();
  }

  private async list(): Promise<string> {
    const response = await this.get({});
    let text = "";
    for await (const chunk of response.setEncoding("utf8") as AsyncIterable<string>) text += chunk;
    const list = JSON.parse(text) as { metadata: { resourceVersion: string }; items: EndpointSlice[] };
    this.slices.clear();
    for (const slice of list.items) this.slices.set(slice.metadata?.name ?? "", slice);
    return list.metadata.resourceVersion;
  }

  /** Resolves when the server ends the watch; rejects when it breaks. */
  private async watch(resourceVersion: string, changed: () => void): Promise<void> {
    const response = await this.get({
      watch: "true",
      allowWatchBookmarks: "true",
      resourceVersion,
      timeoutSeconds: String(WATCH_SECONDS),
    });
    for await (const line of lines(response)) {
      const { type, object } = JSON.parse(line) as WatchEvent;
      // 410 Gone: the resource version is too old
      if (type === "ERROR") throw new Error(`the watch failed: ${object.message ?? "no reason given"}`);
      if (type === "BOOKMARK") continue;
      const name = object.metadata?.name ?? "";
      if (type === "DELETED") this.slices.delete(name);
      else this.slices.set(name, object);
      changed();
    }
  }

  private get(query: Record<string, string>): Promise<http.IncomingMessage> {
    const { server, namespace, service, credentialsDir } = this.config;
    const url = new URL(`/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`, server);
    url.search = new URLSearchParams({ labelSelector: `kubernetes.io/service-name=${service}`, ...query }).toString();
    // read each time, because the kubelet renews the token within the hour
    const headers = { authorization: `Bearer ${readFileSync(join(credentialsDir, "token"), "utf8").trim()}` };
    return new Promise((resolve, reject) => {
      const answered = (response: http.IncomingMessage): void => {
        if (response.statusCode === 200) return resolve(response);
        response.resume();
        reject(new Error(`the Kubernetes API answered ${response.statusCode}`));
      };
      this.request =
        url.protocol === "http:"
          ? http.get(url, { headers }, answered)
          : https.get(url, { headers, ca: readFileSync(join(credentialsDir, "ca.crt")) }, answered);
      this.request.setTimeout(query["watch"] ? SILENCE_MS : 5000, () =>
        this.request?.destroy(new Error("the Kubernetes API does not answer")),
      );
      this.request.setSocketKeepAlive(true, PROBE_AFTER_MS);
      this.request.once("error", reject);
    });
  }
}
