/**
 * One connection to one Redis.
 *
 * Redis answers in order, so it is the connection that times out, not the command: when the
 * oldest command has waited too long, everything behind it waits in vain as well. All of them
 * fail at once, and nothing more is sent until Redis has shown that it lives.
 */
import { Redis } from "ioredis";
import { log } from "../../log";
import type { HostPort, SentinelConfig, TlsConfig } from "../../config";
import type { TimeoutClock } from "./timeout-clock";
import { NoAnswer, NotSent, Refused } from "./errors";
import { credentials, type Login } from "../../credentials";
import { QUIET_CONNECTOR } from "./sentinel-connector";

const RECONNECT_MIN_MS = 50;
const RECONNECT_MAX_MS = 1000;
const LOADING_RETRY_MS = 200;
/** A Redis that hangs for longer gets a new connection: the old one may lead nowhere. */
const RECONNECT_AFTER_MS = 3000;

interface Pending {
  readonly since: number;
  readonly reject: (error: Error) => void;
}

export interface ConnectionOptions {
  /** Where it is, or who knows where it is by now. */
  readonly address: HostPort | SentinelConfig;
  /** Name in logs. */
  readonly name: string;
  readonly login: Login | undefined;
  readonly tls: TlsConfig | undefined;
  readonly connectTimeoutMs: number;
  /** Longest wait for an answer, ms. */
  readonly timeoutMs: number;
  readonly clock: TimeoutClock;
  /** Called when it gets ready, or no longer is. */
  readonly onChange?: () => void;
}

export class Connection {
  /** Commands sent and not answered. */
  private readonly pending = new Set<Pending>();
  private readonly client: Redis;
  private readonly stopTicks: () => void;
  private corked = false;
  private closed = false;
  private silentSince: number | undefined;
  private unreadySince: number;
  private handshakeSince: number | undefined;
  private readonly whenUsableWaiters = new Set<() => void>();
  private lastReason = "";

  constructor(private readonly options: ConnectionOptions) {
    const { address, clock, tls } = options;
    this.unreadySince = performance.now();
    this.client = new Redis({
      ...("sentinels" in address
        ? {
            sentinels: [...address.sentinels],
            name: address.name,
            Connector: QUIET_CONNECTOR,
            role: "master" as const,
            // told when main has moved: an old main that hangs would be waited for
            failoverDetector: true,
            // the given ones are all there are, at addresses that stay
            updateSentinels: false,
            sentinelCommandTimeout: options.connectTimeoutMs,
          }
        : { host: address.host, port: address.port }),
      ...(tls ? { tls: { ...tls }, sentinelTLS: { ...tls }, enableTLSForSentinelMode: true } : {}),
      ...credentials(options.login),
      lazyConnect: true,
      connectTimeout: options.connectTimeoutMs,
      // what cannot be sent now is not kept: its caller decides where it goes
      enableOfflineQueue: false,
      // never sent twice by the library: it cannot know whether that is safe
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      keepAlive: 10_000,
      // for ever, but never slower than once a second; jitter keeps pods apart
      retryStrategy: (tries) => {
        this.reloadCredentials();
        return Math.min(RECONNECT_MIN_MS * 2 ** Math.min(tries, 6), RECONNECT_MAX_MS) * (0.5 + Math.random() / 2);
      },
      // asked again after so long, not after the whole seconds that a main that loads believes it needs
      maxLoadingRetryTime: LOADING_RETRY_MS,
      connectionName: "api",
    });
    // a listener is needed, or an error would end the process; one line a new reason
    this.client.on("error", (error: Error & { code?: string }) => {
      const reason = error.code ?? error.message;
      if (reason !== this.lastReason) log("warn", "redis connection failed", { redis: options.name, reason });
      this.lastReason = reason;
    });
    this.client.on("connect", () => {
      this.handshakeSince = clock.now;
      clock.start();
    });
    this.client.on("ready", () => {
      this.handshakeSince = undefined;
      this.lastReason = "";
      this.silentSince = undefined;
      log("info", "redis connected", { redis: options.name });
      this.changed();
    });
    this.client.on("close", () => {
      this.corked = false;
      this.handshakeSince = undefined;
      this.unreadySince = performance.now();
      this.fail(new NoAnswer("the connection to Redis was lost"));
      this.changed();
    });
    // its search for main ends for good when a failover comes at the wrong moment of it
    this.client.on("end", () => {
      if (!this.closed) setTimeout(() => this.open(), RECONNECT_MIN_MS);
    });
    this.stopTicks = clock.each(() => this.checkTimeouts());
  }

  /** Starts connecting, and goes on trying in the background. */
  open(): void {
    if (this.closed) return;
    this.client.connect().catch(() => undefined);
  }

  /** Commands that wait for an answer. */
  get inFlight(): number {
    return this.pending.size;
  }

  /** One that is being dropped says it is ready until its end is heard of. */
  private get connected(): boolean {
    return this.client.status === "ready" && this.client.stream.writable;
  }

  /** Connected, and not known to hang. */
  get usable(): boolean {
    return this.connected && this.silentSince === undefined;
  }

  /** Address and port that it leads to, as far as this end sees. */
  get remote(): string | undefined {
    const { remoteAddress, remotePort } = this.client.stream ?? {};
    return remoteAddress && `${remoteAddress}:${remotePort}`;
  }

  get hanging(): boolean {
    return this.silentSince !== undefined;
  }

  /** How long it has not been usable, ms. */
  get downMs(): number {
    // one that is only just being dropped has not been down for any time
    if (this.client.status === "ready" && this.silentSince === undefined) return 0;
    return performance.now() - this.unreadySince;
  }

  /** Sends one command. Rejects with {@link NotSent}, {@link NoAnswer} or {@link Refused}. */
  send<T>(command: (client: Redis) => Promise<T>): Promise<T> {
    return this.dispatch(command, false);
  }

  /** As {@link send}, but also to a Redis that hangs, to learn whether it still does. */
  probe<T>(command: (client: Redis) => Promise<T>): Promise<T> {
    return this.dispatch(command, true);
  }

  /** Resolves once usable, or after `ms`. */
  async whenUsable(ms: number): Promise<void> {
    if (this.usable) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.whenUsableWaiters.delete(done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.whenUsableWaiters.add(done);
    });
  }

  /** Drops the connection and makes a new one, with a fresh look-up of the name. */
  reconnect(): void {
    // destroyed, not ended: an end waits for the other side, which may be gone
    this.client.stream?.destroy();
  }

  /** Lets what was sent be answered, within the time-out, then closes for good. */
  async close(): Promise<void> {
    this.closed = true;
    const limit = performance.now() + this.options.timeoutMs;
    while (this.pending.size > 0 && this.usable && performance.now() < limit) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    this.stopTicks();
    this.client.disconnect();
    this.client.stream?.destroy();
    this.fail(new NoAnswer("the connection to Redis was closed"));
  }

  /** Whether it still waits for anything. */
  private checkTimeouts(): boolean {
    const { now } = this.options.clock;
    const [oldest] = this.pending;
    if (oldest && now - oldest.since > this.options.timeoutMs) {
      if (this.silentSince === undefined) {
        this.silentSince = now;
        this.unreadySince = performance.now();
        log("warn", "redis does not answer", { redis: this.options.name, ms: Math.round(now - oldest.since) });
      }
      this.fail(new NoAnswer(`Redis did not answer within ${this.options.timeoutMs} ms`));
      this.changed();
    }
    // a stopped process's kernel still accepts connections: a greeting can hang as a command can
    const silent = this.silentSince ?? this.handshakeSince;
    if (silent !== undefined && now - silent > RECONNECT_AFTER_MS) {
      this.silentSince = undefined;
      this.handshakeSince = undefined;
      this.reconnect();
    }
    return this.pending.size > 0 || this.silentSince !== undefined || this.handshakeSince !== undefined;
  }

  /** The next connection takes the password that the file holds by then. */
  private reloadCredentials(): void {
    try {
      Object.assign(this.client.options, credentials(this.options.login));
    } catch (error) {
      // for a moment while it is replaced: the one before may still do
      log("warn", "redis password not readable", { redis: this.options.name, reason: (error as Error).message });
    }
  }

  private dispatch<T>(command: (client: Redis) => Promise<T>, probe: boolean): Promise<T> {
    const { client, pending } = this;
    if (!this.connected || (this.silentSince !== undefined && !probe)) {
      return Promise.reject(new NotSent(this.hanging ? "Redis does not answer" : "Redis is not reachable"));
    }
    // all commands of one turn of the event loop leave in one write
    if (!this.corked) {
      this.corked = true;
      const { stream } = client;
      stream.cork();
      setImmediate(() => {
        this.corked = false;
        stream.uncork();
      });
    }
    return new Promise<T>((resolve, reject) => {
      const entry: Pending = { since: this.options.clock.now, reject };
      pending.add(entry);
      this.options.clock.start();
      command(client).then(
        (value) => {
          // a late answer: the caller was told, and the next probe clears the state
          if (!pending.delete(entry)) return;
          if (probe && this.silentSince !== undefined) {
            this.silentSince = undefined;
            this.changed();
          }
          resolve(value);
        },
        (error: Error) => {
          if (!pending.delete(entry)) return;
          if (error.name === "ReplyError") reject(new Refused(error.message));
          else reject(new NoAnswer("the connection to Redis failed"));
        },
      );
    });
  }

  private fail(error: Error): void {
    const waiting = [...this.pending];
    this.pending.clear();
    for (const { reject } of waiting) reject(error);
  }

  private changed(): void {
    if (this.usable) for (const resolve of this.whenUsableWaiters) resolve();
    this.options.onChange?.();
  }
}

/** Identity of the Redis process at the other end: what SCAN cursors belong to. */
export async function readRunId(connection: Connection): Promise<string | undefined> {
  const info = await connection.probe((client) => client.info("server"));
  return /^run_id:(\w+)/m.exec(info)?.[1];
}
