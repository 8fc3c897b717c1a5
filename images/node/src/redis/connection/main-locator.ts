/**
 * Finds main (primary) through the Sentinels: the address and the epoch that a majority of the configured Sentinels
 * reports. A single Sentinel may be isolated from the others, and then reports a main that has long been replaced.
 *
 * One connection to each Sentinel stays open for the life of the process. Each Sentinel is queried at intervals as well
 * as after a `+switch-master` message, because a message may be lost with its connection.
 */
import type { HostPort, SentinelConfig } from "../../config";
import { log } from "../../log";
import { Connection, type ConnectionOptions } from "./connection";
import { sameAddress, type MainAddress, type MainSource } from "./main-source";

/** A Sentinel's reply expires after this many intervals. */
const FRESH_INTERVALS = 3;
/** Shortest interval between queries, in ms. */
const MIN_INTERVAL_MS = 50;

export interface LocatorOptions extends Pick<ConnectionOptions, "login" | "tls" | "connectTimeoutMs" | "clock"> {
  /** Interval between queries, in ms. */
  readonly intervalMs: number;
  /** Called when main has changed. */
  readonly onChange: (main: MainAddress) => void;
}

interface Vote {
  readonly main: MainAddress;
  readonly at: number;
}

class Sentinel {
  vote: Vote | undefined;
  readonly connection: Connection;
  private querying = false;
  private again = false;
  private reason = "";

  constructor(
    private readonly address: HostPort,
    private readonly main: string,
    options: LocatorOptions,
    private readonly onVote: () => void,
  ) {
    this.connection = new Connection({
      address: () => address,
      name: `sentinel ${address.host}:${address.port}`,
      login: options.login,
      tls: options.tls,
      connectTimeoutMs: options.connectTimeoutMs,
      timeoutMs: options.connectTimeoutMs,
      clock: options.clock,
      late: "reset",
      channel: { name: "+switch-master", onMessage: () => void this.query() },
      onChange: () => {
        if (this.connection.usable) void this.query();
        else this.vote = undefined;
      },
    });
  }

  async query(): Promise<void> {
    if (!this.connection.usable) return;
    this.again = this.querying;
    if (this.querying) return;
    this.querying = true;
    try {
      const main = await this.read();
      this.vote = main && { main, at: performance.now() };
      this.reason = "";
    } catch (error) {
      this.vote = undefined;
      const reason = (error as Error).message;
      if (reason !== this.reason)
        log("warn", "a sentinel reports no main", { at: `${this.address.host}:${this.address.port}`, reason });
      this.reason = reason;
    }
    this.querying = false;
    this.onVote();
    // this Sentinel may have answered before the second query
    if (this.again) void this.query();
  }

  /**
   * During a failover, the Sentinel that leads it returns the new epoch with the old address in `MASTER`, and the new
   * address only in the other command. An address belongs to an epoch if the epoch is the same before and after it.
   */
  private async read(): Promise<MainAddress | undefined> {
    const [before, address, after] = await this.connection.send((client) =>
      Promise.all([
        client.call("SENTINEL", "MASTER", this.main),
        client.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", this.main),
        client.call("SENTINEL", "MASTER", this.main),
      ]),
    );
    const epoch = epochIn(before);
    if (epoch === undefined || epoch !== epochIn(after) || !Array.isArray(address)) return undefined;
    return { host: String(address[0]), port: Number(address[1]), epoch };
  }
}

/**
 * Two Sentinels that are forced to fail over at the same moment may give two members the same config-epoch. So an epoch
 * here ends with a digit for its main: no two mains have the same epoch, and a later config-epoch is still greater.
 */
const epochOfMain = (configEpoch: number, member: number): number => configEpoch * 10 + (member < 0 ? 9 : member);

/** Parses the names and values that `SENTINEL MASTER` returns. */
function epochIn(answer: unknown): number | undefined {
  if (!Array.isArray(answer)) return undefined;
  const at = answer.indexOf("config-epoch");
  const epoch = Number(answer[at + 1]);
  return at >= 0 && Number.isSafeInteger(epoch) ? epoch : undefined;
}

export class MainLocator implements MainSource {
  /** Main as the majority last reported it. */
  agreed: MainAddress | undefined;
  private readonly sentinels: readonly Sentinel[];
  private readonly waiting = new Set<(main: MainAddress) => void>();
  private timer: NodeJS.Timeout | undefined;
  private soon: NodeJS.Timeout | undefined;

  constructor(
    private readonly config: SentinelConfig,
    private readonly options: LocatorOptions,
  ) {
    this.sentinels = config.sentinels.map(
      (address) => new Sentinel(address, config.name, options, () => this.decide()),
    );
  }

  open(): void {
    for (const { connection } of this.sentinels) connection.open();
    this.timer = setInterval(() => this.query(), this.options.intervalMs);
  }

  async close(): Promise<void> {
    clearInterval(this.timer);
    clearTimeout(this.soon);
    await Promise.all(this.sentinels.map(({ connection }) => connection.close()));
  }

  ask(): void {
    this.soon ??= setTimeout(() => {
      this.soon = undefined;
      this.query();
    }, MIN_INTERVAL_MS);
  }

  /** Main's connection is dropped only when the Sentinels report another main. */
  refused(): void {
    this.ask();
  }

  async address(): Promise<MainAddress> {
    if (this.agreed) return this.agreed;
    this.ask();
    return new Promise((resolve, reject) => {
      const found = (main: MainAddress) => {
        clearTimeout(timer);
        this.waiting.delete(found);
        resolve(main);
      };
      const timer = setTimeout(() => {
        this.waiting.delete(found);
        reject(new Error("no two Sentinels report the same main"));
      }, this.options.connectTimeoutMs);
      this.waiting.add(found);
    });
  }

  epochOf(target: HostPort | undefined): number | undefined {
    return sameAddress(this.agreed, target) ? this.agreed?.epoch : undefined;
  }

  private query(): void {
    for (const sentinel of this.sentinels) void sentinel.query();
  }

  private decide(): void {
    const since = performance.now() - FRESH_INTERVALS * this.options.intervalMs;
    const votes = this.sentinels.flatMap(({ vote }) => (vote && vote.at >= since ? [vote.main] : []));
    const main = votes.find(
      (a) => votes.filter((b) => sameAddress(a, b) && a.epoch === b.epoch).length > this.sentinels.length / 2,
    );
    if (!main) return;
    const member = this.config.sentinels.findIndex(({ host }) => host === main.host);
    const agreed = { ...main, epoch: epochOfMain(main.epoch, member) };
    if (sameAddress(agreed, this.agreed) && agreed.epoch === this.agreed?.epoch) return;
    this.agreed = agreed;
    log("info", "main found", { redis: `${main.host}:${main.port}`, epoch: agreed.epoch });
    for (const found of this.waiting) found(agreed);
    this.options.onChange(agreed);
  }
}
