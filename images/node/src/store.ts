/** The data path: writes to Redis main, reads from its replicas. */
import { createClient, type RedisClientOptions } from "@redis/client";
import type { ApiConfig } from "./config";
import { unavailable } from "./errors";
import { log } from "./log";

type Client = ReturnType<typeof connect>;

const RECONNECT_MAX_MS = 1000;
const SCAN_COUNT = 1000;

function connect(role: string, url: string, config: ApiConfig) {
  const options = {
    url,
    ...(config.password === undefined ? {} : { password: config.password }),
    // a command that cannot be sent now fails now: the caller is told, nothing piles up
    disableOfflineQueue: true,
    pingInterval: 2000,
    maintNotifications: "disabled",
    socket: {
      connectTimeout: config.connectTimeoutMs,
      // with the pings above, silence this long means that the other side hangs
      socketTimeout: 5000,
      keepAlive: true,
      noDelay: true,
      // for ever, but never slower than once a second; jitter keeps pods apart
      reconnectStrategy: (tries: number) =>
        Math.min(50 * 2 ** Math.min(tries, 6), RECONNECT_MAX_MS) * (0.5 + Math.random() / 2),
    },
  } satisfies RedisClientOptions;
  const client = createClient(options);
  let last = "";
  // a listener is needed, or an error would end the process; one line a new reason
  client.on("error", (error: Error & { code?: string }) => {
    const reason = error.code ?? error.message;
    if (reason !== last) log("warn", "redis connection failed", { role, reason });
    last = reason;
  });
  client.on("ready", () => {
    last = "";
    log("info", "redis connected", { role });
  });
  return client;
}

export class Store {
  private readonly main: Client;
  private readonly replicas: Client;

  constructor(private readonly config: ApiConfig) {
    this.main = connect("main", config.mainUrl, config);
    this.replicas = connect("replicas", config.replicasUrl, config);
  }

  /** Starts connecting, and goes on trying in the background. */
  start(): void {
    for (const client of [this.main, this.replicas]) void client.connect().catch(() => undefined);
  }

  /** Lets commands that were sent end, but does not wait for a Redis that hangs. */
  async stop(): Promise<void> {
    await Promise.all(
      [this.main, this.replicas].map(async (client) => {
        const limit = new Promise<void>((resolve) => setTimeout(resolve, this.config.commandTimeoutMs).unref());
        if (client.isOpen && client.isReady) await Promise.race([client.close(), limit]);
        if (client.isOpen) client.destroy();
      }),
    );
  }

  /** Why nothing can be answered, or undefined where something can. */
  get trouble(): string | undefined {
    return this.main.isReady || this.replicas.isReady
      ? undefined
      : "no connection to Redis, neither main nor a replica";
  }

  get(id: string): Promise<string | null> {
    return this.read((client) => client.get(id));
  }

  async set(id: string, value: string): Promise<void> {
    await this.command(this.main, (client) => client.set(id, value));
  }

  async delete(id: string): Promise<void> {
    await this.command(this.main, (client) => client.del(id));
  }

  /** All keys, each once. SCAN, so that Redis answers others in between. */
  keys(): Promise<string[]> {
    return this.read(async (client) => {
      const keys = new Set<string>();
      let cursor = "0";
      do {
        const page = await this.command(client, (c) => c.scan(cursor, { COUNT: SCAN_COUNT }));
        cursor = page.cursor;
        for (const key of page.keys) keys.add(key);
      } while (cursor !== "0");
      return [...keys];
    }, Infinity);
  }

  /** From a replica; from main where no replica answers. */
  private async read<T>(run: (client: Client) => Promise<T>, limitMs = this.config.commandTimeoutMs): Promise<T> {
    if (this.replicas.isReady) {
      try {
        return await this.command(this.replicas, run, limitMs);
      } catch {
        // below: main
      }
    }
    return this.command(this.main, run, limitMs);
  }

  private async command<T>(
    client: Client,
    run: (client: Client) => Promise<T>,
    limitMs = this.config.commandTimeoutMs,
  ): Promise<T> {
    if (!client.isReady) throw unavailable("Redis is not reachable");
    let timer: NodeJS.Timeout | undefined;
    try {
      const answer = run(client);
      if (limitMs === Infinity) return await answer;
      return await Promise.race([
        answer,
        new Promise<never>((_, reject) => {
          timer = setTimeout(() => reject(unavailable(`Redis did not answer within ${limitMs} ms`)), limitMs);
        }),
      ]);
    } catch (error) {
      if (error instanceof Error && error.name === "HttpError") throw error;
      const reason = (error as Error).message;
      // OOM, MISCONF, READONLY, LOADING…: Redis refused, nothing was written
      throw unavailable(
        /^[A-Z]{3,} /.test(reason) ? `Redis refused: ${reason.split(" ")[0]}` : "the connection to Redis failed",
      );
    } finally {
      clearTimeout(timer);
    }
  }
}
