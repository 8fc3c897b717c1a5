/**
 * A connection to one Redis instance.
 *
 * Redis answers in order, so timeouts apply to the connection, not to single commands: if the oldest command has waited
 * too long, everything behind it is stuck as well. All of them fail at once, and nothing is sent until Redis answers a
 * probe.
 */
import { Redis } from "ioredis";
import { log } from "../../log";
import type { HostPort, TlsConfig } from "../../config";
import { credentials, type Login } from "../../credentials";
import { Dialer } from "./dialer";
import { NoAnswer, NotSent, Refused } from "./errors";
import type { TimeoutClock } from "./timeout-clock";
import { Waiters } from "./waiters";

const RECONNECT_MIN_MS = 50;
const RECONNECT_MAX_MS = 1000;
const LOADING_RETRY_MS = 200;
/** If Redis hangs for longer than this, a new connection is opened, because the old one may be dead. */
const RECONNECT_AFTER_MS = 3000;

interface Pending {
  readonly since: number;
  readonly reject: (error: Error) => void;
}

export interface ConnectionOptions {
  /** The instance's address, which is queried again for each connection. */
  readonly address: () => HostPort | Promise<HostPort>;
  /** Name in logs. */
  readonly name: string;
  readonly login: Login | undefined;
  readonly tls: TlsConfig | undefined;
  readonly connectTimeoutMs: number;
  /** Timeout for an answer, in ms. */
  readonly timeoutMs: number;
  readonly clock: TimeoutClock;
  /**
   * What happens to the connection when a reply is late: `reset` if it carries writes, so that none of them is executed
   * later; `keep` if the same connection may be used again as soon as a probe is answered.
   */
  readonly late: "reset" | "keep";
  /** Called when the connection becomes usable or unusable. */
  readonly onChange?: () => void;
  /** Channel that each connection subscribes to; other commands can still be sent. @default none */
  readonly channel?: { readonly name: string; readonly onMessage: () => void };
}

export class Connection {
  /** Commands sent and not answered. */
  private readonly pending = new Set<Pending>();
  private readonly client: Redis;
  private readonly dialer: Dialer;
  private readonly stopTicks: () => void;
  /** Increases with each connection, because commands sent on one have no effect on the next. */
  session = 0;
  private corked = false;
  private closed = false;
  private silentSince: number | undefined;
  private unreadySince: number;
  private wasReady = false;
  private handshakeSince: number | undefined;
  private readonly waiters = new Waiters(() => this.attemptNow());
  private lastReason = "";

  constructor(private readonly options: ConnectionOptions) {
    const { channel, clock } = options;
    this.unreadySince = performance.now();
    this.dialer = new Dialer(options.address, options.tls);
    this.client = new Redis({
      Connector: this.dialer.connector,
      // the dialer encrypts; this determines which event of its stream to wait for
      ...(options.tls ? { tls: {} } : {}),
      ...credentials(options.login),
      lazyConnect: true,
      connectTimeout: options.connectTimeoutMs,
      // no queue: if a command cannot be sent now, the caller decides what to do with it
      enableOfflineQueue: false,
      // no resend by the library: it cannot know whether that is safe
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      keepAlive: 10_000,
      // Sentinels have nothing to load
      enableReadyCheck: channel === undefined,
      autoResubscribe: false,
      // retries forever, at least once a second; jitter keeps pods from retrying together
      retryStrategy: (tries) => {
        this.reloadCredentials();
        return Math.min(RECONNECT_MIN_MS * 2 ** Math.min(tries, 6), RECONNECT_MAX_MS) * (0.5 + Math.random() / 2);
      },
      // polls a loading main at this interval; ioredis would wait for the loading time that main estimates
      maxLoadingRetryTime: LOADING_RETRY_MS,
      connectionName: "api",
    });
    // without a listener, an error would end the process; log each new reason once
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
      this.session++;
      this.wasReady = true;
      this.handshakeSince = undefined;
      this.lastReason = "";
      this.silentSince = undefined;
      if (channel) this.client.subscribe(channel.name).catch(() => undefined);
      log("info", "redis connected", { redis: options.name });
      this.changed();
    });
    if (channel) this.client.on("message", channel.onMessage);
    this.client.on("close", () => {
      this.corked = false;
      this.handshakeSince = undefined;
      // a failed attempt ends here too
      if (this.wasReady) this.unreadySince = performance.now();
      this.wasReady = false;
      this.fail(new NoAnswer("the connection to Redis was lost"));
      this.changed();
    });
    // ioredis gives up permanently if there is no address
    this.client.on("end", () => {
      if (!this.closed) setTimeout(() => this.open(), RECONNECT_MIN_MS);
    });
    this.stopTicks = clock.each(() => this.checkTimeouts());
  }

  /** Starts connecting, and keeps retrying in the background. */
  open(): void {
    if (this.closed) return;
    this.client.connect().catch(() => undefined);
  }

  /** Number of commands sent and not answered. */
  get inFlight(): number {
    return this.pending.size;
  }

  /** The status alone is not enough: it stays "ready" until the stream's close event. */
  private get connected(): boolean {
    return this.client.status === "ready" && this.client.stream.writable;
  }

  /** Connected and not hanging. */
  get usable(): boolean {
    return this.connected && this.silentSince === undefined;
  }

  /** Address that the current connection goes to. */
  get target(): HostPort | undefined {
    return this.dialer.target;
  }

  get hanging(): boolean {
    return this.silentSince !== undefined;
  }

  /** Time since the connection was last usable, in ms. */
  get downMs(): number {
    // a stream that is being closed does not count as down yet
    if (this.client.status === "ready" && this.silentSince === undefined) return 0;
    return performance.now() - this.unreadySince;
  }

  /**
   * Sends one command. Rejects with {@link NotSent}, {@link NoAnswer} or {@link Refused}.
   *
   * @param session if given, the command is sent only in this session
   */
  send<T>(command: (client: Redis) => Promise<T>, session?: number): Promise<T> {
    if (session !== undefined && session !== this.session) {
      return Promise.reject(new NotSent("the connection to Redis was lost"));
    }
    return this.dispatch(command, false);
  }

  /** Like {@link send}, but also sends to a Redis that hangs, to detect whether it still hangs. */
  probe<T>(command: (client: Redis) => Promise<T>): Promise<T> {
    return this.dispatch(command, true);
  }

  /** Resolves once the connection is usable, or after `ms`. */
  async whenUsable(ms: number): Promise<void> {
    if (!this.usable) await this.waiters.wait(ms);
  }

  /** Resets the connection and opens a new one, with a new address. */
  reconnect(): void {
    this.dialer.reset();
    this.attemptNow();
  }

  /** Waits for outstanding replies, up to the timeout, then closes permanently. */
  async close(): Promise<void> {
    this.closed = true;
    const limit = performance.now() + this.options.timeoutMs;
    while (this.pending.size > 0 && this.usable && performance.now() < limit) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    this.stopTicks();
    this.client.disconnect();
    this.dialer.close();
    this.fail(new NoAnswer("the connection to Redis was closed"));
  }

  private attemptNow(): void {
    if (this.client.status === "reconnecting") this.open();
  }

  /** @returns whether any timeout is still running */
  private checkTimeouts(): boolean {
    const { now } = this.options.clock;
    const [oldest] = this.pending;
    if (oldest && now - oldest.since > this.options.timeoutMs) {
      if (this.silentSince === undefined) {
        log("warn", "redis does not answer", { redis: this.options.name, ms: Math.round(now - oldest.since) });
      }
      // done before the callers are notified, so that their next commands are not overtaken
      if (this.options.late === "reset") this.reconnect();
      else if (this.silentSince === undefined) {
        this.silentSince = now;
        this.unreadySince = performance.now();
      }
      this.fail(new NoAnswer(`Redis did not answer within ${this.options.timeoutMs} ms`));
      this.changed();
    }
    // the kernel accepts connections for a stopped process, so a handshake can hang too
    const silent = this.silentSince ?? this.handshakeSince;
    if (silent !== undefined && now - silent > RECONNECT_AFTER_MS) {
      this.silentSince = undefined;
      this.handshakeSince = undefined;
      this.reconnect();
    }
    return this.pending.size > 0 || this.silentSince !== undefined || this.handshakeSince !== undefined;
  }

  /** Makes the next connection use the password that is in the file now. */
  private reloadCredentials(): void {
    try {
      Object.assign(this.client.options, credentials(this.options.login));
    } catch (error) {
      // can happen while the file is being replaced; the previous password may still work
      log("warn", "cannot read the redis password", { redis: this.options.name, reason: (error as Error).message });
    }
  }

  private dispatch<T>(command: (client: Redis) => Promise<T>, probe: boolean): Promise<T> {
    const { client, pending } = this;
    if (!this.connected || (this.silentSince !== undefined && !probe)) {
      return Promise.reject(new NotSent(this.hanging ? "Redis does not answer" : "Redis is not reachable"));
    }
    // batches all commands of one event-loop turn into one write
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
          // too late: the command has already failed, and the next probe clears the state
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
    if (this.usable) this.waiters.release();
    this.options.onChange?.();
  }
}
