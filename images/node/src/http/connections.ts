/** Kept connections: how long each lives, and how they end when the process is stopped. */
import type { Server } from "node:http";
import type { Socket } from "node:net";

/** Longer than callers keep idle connections (most proxies 60 s, the page's nginx 3 s): ours must not end first. */
const KEEP_ALIVE_MS = 65_000;
/** Without any connection for so long after SIGTERM, no route leads here any more. */
const QUIET_MS = 1000;

/** When a connection is to end, ms as performance.now() has it. */
const ENDS_AT = Symbol("ends at");
type AgingSocket = Socket & { [ENDS_AT]?: number };

export class Connections {
  /** Set once the process was told to stop. */
  draining = false;
  private readonly open = new Set<Socket>();

  /** @param ageMs mean age after which a kept connection is closed */
  constructor(
    private readonly server: Server,
    ageMs: number,
  ) {
    server.keepAliveTimeout = KEEP_ALIVE_MS;
    // a kept connection stays with this pod: without an end to it, a new pod would get no work
    server.on("connection", (socket: AgingSocket) => {
      socket[ENDS_AT] = performance.now() + ageMs * (0.5 + Math.random());
      this.open.add(socket);
      socket.once("close", () => this.open.delete(socket));
    });
  }

  get count(): number {
    return this.open.size;
  }

  /** Whether the answer to a request that came at `at` is the last on its connection. */
  isLast(socket: Socket, at: number): boolean {
    return this.draining || at > (socket as AgingSocket)[ENDS_AT]!;
  }

  /**
   * Still served from now on, but each answer tells its caller to open its next connection elsewhere. When all have
   * left and none comes, or after `drainMs`, nothing new is accepted; what is in flight is finished.
   */
  async drain(drainMs: number): Promise<void> {
    this.draining = true;
    const begin = performance.now();
    let lastSeen = begin;
    for (let now = begin; now - begin < drainMs && now - lastSeen < QUIET_MS; now = performance.now()) {
      if (this.open.size > 0) lastSeen = now;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await new Promise<void>((resolve) => {
      this.server.close(() => resolve());
      this.server.closeIdleConnections();
    });
  }
}
