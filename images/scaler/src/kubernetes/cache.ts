/** Objects of one kind, kept up to date by a list and a watch. When a watch ends for any reason, a new list follows. */
import type * as http from "node:http";
import { log } from "../log";
import { answer, reasonOf, type KubernetesClient } from "./client";

/** The server ends a watch after this time; the next watch uses a fresh token. */
const WATCH_SECONDS = 240;
/** A watch without data for longer than this is dead. */
const SILENCE_MS = (WATCH_SECONDS + 15) * 1000;
const LIST_MS = 5000;
/** Short, because nothing is scaled in the meantime. */
const RETRY_MAX_MS = 2000;

interface Raw {
  readonly metadata?: { readonly name?: string; readonly resourceVersion?: string };
}
interface WatchEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  readonly object: Raw & { readonly message?: string };
}

export interface CacheOptions<T> {
  /** Path of the list. */
  readonly path: string;
  /** `labelSelector` or `fieldSelector`. */
  readonly query: Readonly<Record<string, string>>;
  /** Returns the part of an object to keep. */
  readonly view: (raw: unknown) => T;
}

export class Cache<T> {
  private readonly found = new Map<string, { readonly version: number; readonly view: T }>();
  private request: http.ClientRequest | undefined;
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;
  private failures = 0;
  private lastReason = "";
  /** Time at which the cache was last known to be up to date; undefined while it is. */
  private staleSince: number | undefined = -Infinity;

  constructor(
    private readonly client: KubernetesClient,
    private readonly options: CacheOptions<T>,
  ) {}

  start(): void {
    void this.run();
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
    this.request?.destroy();
  }

  get all(): readonly T[] {
    return [...this.found.values()].map(({ view }) => view);
  }

  get(name: string): T | undefined {
    return this.found.get(name)?.view;
  }

  /** Stores an object from the answer to a request, which may be ahead of the watch. */
  put(raw: unknown): void {
    const { metadata } = raw as Raw;
    const name = metadata?.name ?? "";
    // versions are increasing numbers, officially since Kubernetes 1.35; an object with any other version is stored
    const version = Number(metadata?.resourceVersion);
    if (version < (this.found.get(name)?.version ?? -Infinity)) return;
    this.found.set(name, { version, view: this.options.view(raw) });
  }

  /** How long the cache may have been out of date, ms: 0 while the watch is open, Infinity before the first list. */
  staleMs(now: number): number {
    return this.staleSince === undefined ? 0 : now - this.staleSince;
  }

  private async run(): Promise<void> {
    try {
      const version = await this.list();
      if (this.stopped) return;
      this.failures = 0;
      this.lastReason = "";
      this.staleSince = undefined;
      await this.watch(version);
    } catch (error) {
      this.failures++;
      const reason = reasonOf(error);
      if (!this.stopped && reason !== this.lastReason) log("warn", "cannot watch", { path: this.options.path, reason });
      this.lastReason = reason;
    }
    this.staleSince ??= performance.now();
    if (this.stopped) return;
    // wait even after a watch that ended normally, in case the server ends every watch immediately
    const wait = Math.min(50 * 2 ** this.failures, RETRY_MAX_MS) * (0.5 + Math.random() / 2);
    this.timer = setTimeout(() => void this.run(), wait);
  }

  private async list(): Promise<string> {
    const { path, query } = this.options;
    const list = await this.client.call<{ metadata: { resourceVersion: string }; items: Raw[] }>("GET", path, {
      timeoutMs: LIST_MS,
      query,
    });
    this.found.clear();
    for (const raw of list.items) this.put(raw);
    return list.metadata.resourceVersion;
  }

  /** Resolves when the server ends the watch; rejects if the watch fails. */
  private async watch(resourceVersion: string): Promise<void> {
    const { path, query } = this.options;
    const request = this.client.open(path, {
      ...query,
      watch: "true",
      allowWatchBookmarks: "true",
      resourceVersion,
      timeoutSeconds: String(WATCH_SECONDS),
    });
    this.request = request;
    request.setTimeout(SILENCE_MS, () => request.destroy(new Error("the watch received no data")));
    const opening = setTimeout(() => request.destroy(new Error("the watch did not open")), LIST_MS);
    const response = await answer(request).finally(() => clearTimeout(opening));
    for await (const line of lines(response)) {
      const { type, object } = JSON.parse(line) as WatchEvent;
      // 410 Gone: the resource version is too old
      if (type === "ERROR") throw new Error(`the watch failed: ${object.message ?? "no reason given"}`);
      if (type === "BOOKMARK") continue;
      if (type === "DELETED") this.found.delete(object.metadata?.name ?? "");
      else this.put(object);
    }
  }
}

/** Yields the lines. node:readline would leave a broken stream's error unhandled, which ends the process. */
async function* lines(input: http.IncomingMessage): AsyncGenerator<string> {
  let rest = "";
  for await (const chunk of input.setEncoding("utf8") as AsyncIterable<string>) {
    const parts = (rest + chunk).split("\n");
    rest = parts.pop()!;
    for (const part of parts) if (part !== "") yield part;
  }
}
