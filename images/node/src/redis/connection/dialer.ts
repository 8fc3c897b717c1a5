/**
 * Opens TCP connections for ioredis, with or without TLS, and can reset them.
 *
 * If a socket is only closed, the kernel keeps sending its unsent bytes for minutes: a write that was answered with 503
 * would be executed when the network path works again, perhaps after a later write of the same key. A reset (RST)
 * discards these bytes. Commands that have already arrived in the receive buffer of a suspended Redis cannot be
 * recalled: they are executed when that process resumes.
 */
import { AbstractConnector } from "ioredis";
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { HostPort, TlsConfig } from "../../config";

export class Dialer {
  /** Address of the last connection. */
  target: HostPort | undefined;
  private tcp: Socket | undefined;
  private stream: Socket | undefined;
  private closed = false;

  /** @param address address of the next connection */
  constructor(
    private readonly address: () => HostPort | Promise<HostPort>,
    private readonly tls: TlsConfig | undefined,
  ) {}

  /** Closes the connection immediately, at both ends if the other end can be reached. */
  reset(): void {
    const { tcp } = this;
    // a socket that is still connecting would be reset only once it is connected
    if (!tcp || tcp.destroyed || tcp.connecting) tcp?.destroy();
    else tcp.resetAndDestroy();
    // nothing may be written to it from now on
    this.stream?.destroy();
  }

  /** Resets the connection and opens no other. */
  close(): void {
    this.closed = true;
    this.reset();
  }

  /** For ioredis' `Connector` option. */
  get connector(): new (options: unknown) => AbstractConnector {
    const dial = () => this.dial();
    const reset = () => this.reset();
    return class extends AbstractConnector {
      constructor() {
        super(0);
      }

      override connect(): Promise<Socket> {
        return dial();
      }

      // not end(): it waits for the other side, which may be dead
      override disconnect(): void {
        reset();
      }
    };
  }

  private async dial(): Promise<Socket> {
    const target = await this.address();
    if (this.closed) throw new Error("closed");
    this.target = target;
    const tcp = connectTcp({ host: target.host, port: target.port });
    this.tcp = tcp;
    this.stream = tcp;
    if (!this.tls) return tcp;
    // TLS over a separate TCP socket, because a TLS socket itself cannot be reset
    const stream = connectTls({ ...this.tls, socket: tcp });
    this.stream = stream;
    tcp.on("error", (error) => stream.destroy(error));
    return stream;
  }
}
