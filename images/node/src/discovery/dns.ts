/** Finds replicas by DNS: the name has one address record per replica, as with a headless Service. */
import { lookup } from "node:dns/promises";
import { log } from "../log";
import type { HostPort } from "../config";
import { FAILURES_UNTIL_LOST, type Member, type Source } from "./source";

/** Interval between lookups, in ms. CoreDNS itself caches an answer for 5 s. */
const INTERVAL_MS = 1000;

export class DnsSource implements Source {
  readonly name = "dns";
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;
  private lastReason = "";
  private failures = 0;

  constructor(
    private readonly address: HostPort,
    private readonly intervalMs = INTERVAL_MS,
  ) {}

  start(found: (members: readonly Member[]) => void, lost: () => void): void {
    const resolve = async (): Promise<void> => {
      try {
        const { host, port } = this.address;
        const records = await lookup(host, { all: true });
        if (this.stopped) return;
        // only one address family, because a dual-stack pod would otherwise count twice
        const family = records[0]?.family;
        const hosts = records.filter((r) => r.family === family).map((r) => r.address);
        found(hosts.sort().map((address) => ({ name: `${address}:${port}`, host: address, port })));
        this.lastReason = "";
        this.failures = 0;
      } catch (error) {
        const reason = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
        if (reason !== this.lastReason) log("warn", "cannot resolve the DNS name of the replicas", { reason });
        this.lastReason = reason;
        if (++this.failures === FAILURES_UNTIL_LOST && !this.stopped) lost();
      }
      if (!this.stopped) this.timer = setTimeout(() => void resolve(), this.intervalMs);
    };
    void resolve();
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }
}
