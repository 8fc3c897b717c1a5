/** Locates main (primary). Each group of instances that share a main has one source. */
import type { HostPort } from "../../config";
import type { Connection } from "./connection";
import type { Refused } from "./errors";

/** Main, and the epoch that its address belongs to. */
export interface MainAddress extends HostPort {
  /** Increases with every failover, and is never the same for two mains. 0 without Sentinels. */
  readonly epoch: number;
}

export interface MainSource {
  open(): void;
  close(): Promise<void>;
  /** Main's address; rejects if it is not known in time. */
  address(): MainAddress | Promise<MainAddress>;
  /** The epoch of the main at `target`, undefined if main is elsewhere. */
  epochOf(target: HostPort | undefined): number | undefined;
  /** Checks soon, because main may have changed. */
  ask(): void;
  /** Reports that main at the other end of `connection` rejects commands. */
  refused(reason: Refused, connection: Connection): void;
}

export const sameAddress = (a: HostPort | undefined, b: HostPort | undefined): boolean =>
  a !== undefined && a.host === b?.host && a.port === b.port;

/** A main that never moves. */
export class FixedMain implements MainSource {
  private readonly main: MainAddress;

  constructor({ host, port }: HostPort) {
    this.main = { host, port, epoch: 0 };
  }

  address(): MainAddress {
    return this.main;
  }

  epochOf(): number {
    return this.main.epoch;
  }

  open(): void {
    // there is nothing to find out
  }

  async close(): Promise<void> {
    // there is nothing to close
  }

  ask(): void {
    // there is no Sentinel to ask
  }

  refused(reason: Refused, connection: Connection): void {
    // this instance is no longer main: a new connection may find the current main, because the address may be that of a
    // Service
    if (reason.code === "READONLY" && connection.usable) connection.reconnect();
  }
}
