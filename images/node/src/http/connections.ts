/** Limits the lifetime of keep-alive connections, and drains them on shutdown. */
import type { Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";

/**
 * Longer than callers keep idle connections (60 s in most proxies, 3 s in the front's nginx): the caller must close
 * first.
 */
const KEEP_ALIVE_MS = 65_000;
/** If there have been no connections for this long after SIGTERM, traffic is no longer routed here. */
const QUIET_MS = 1000;

/** Responses that take longer than this after SIGTERM are cut off, so that the process can still exit by itself. */
const LONGEST_RESPONSE_MS = 25_000;
/**
 * Interval between checks for callers that do not read, in ms. It is longer than a slow caller needs to read a large
 * value.
 */
const UNREAD_CHECK_MS = 30_000;
/** Number of requests that a caller may send without reading the responses, which wait in memory until then. */
const MAX_PIPELINED = 100;

/** When a connection should end, in ms of performance.now(). */
const ENDS_AT = Symbol("ends at");
/**
 * Responses that have not ended yet: more than one if the caller does not wait for a response before its next request.
 */
const RESPONSES = Symbol("responses");
/**
 * Number of bytes that the caller had read at the last check; undefined if no more bytes were waiting for the caller.
 */
const READ = Symbol("read");
type AgingSocket = Socket & { [ENDS_AT]?: number; [RESPONSES]?: Set<ServerResponse>; [READ]?: number | undefined };

export class Connections {
  /** Set once the shutdown has begun. */
  draining = false;
  private readonly open = new Set<AgingSocket>();

  /**
   * @param ageMs mean lifetime of a keep-alive connection
   * @param max above this number of connections, those without a request are closed, the oldest first: each can hold an
   *   incomplete head in memory. Refusing new ones would also refuse the kubelet's probes, and so restart the pod.
   * @param unreadMs a caller that reads none of its responses for this long is disconnected, at the latest after twice
   *   this time
   */
  constructor(
    private readonly server: Server,
    ageMs: number,
    max: number,
    unreadMs = UNREAD_CHECK_MS,
  ) {
    const unread = setInterval(() => this.endUnread(), unreadMs).unref();
    server.once("close", () => clearInterval(unread));
    server.keepAliveTimeout = KEEP_ALIVE_MS;
    // keep-alive connections stay with their pod: without a limit, a new pod would get no traffic
    server.on("connection", (socket: AgingSocket) => {
      socket[ENDS_AT] = performance.now() + ageMs * (0.5 + Math.random());
      const responses = (socket[RESPONSES] = new Set());
      this.open.add(socket);
      if (this.open.size > max) this.endOldestWithoutRequest(socket);
      socket.once("close", () => {
        this.open.delete(socket);
        for (const response of responses) abandon(response);
      });
    });
  }

  /**
   * Ends the response together with its connection: Node.js closes only the response whose turn it is, and the others
   * would never end.
   */
  endWithConnection(response: ServerResponse): void {
    const socket: AgingSocket = response.req.socket;
    const responses = socket[RESPONSES];
    if (!responses) return;
    // requests that arrived together are handled even if the connection has been closed in the meantime
    if (socket.destroyed) return abandon(response);
    responses.add(response);
    if (responses.size > MAX_PIPELINED) return void socket.destroy();
    response.once("close", () => responses.delete(response));
  }

  get count(): number {
    return this.open.size;
  }

  /** Whether the response to a request received at `at` is the last on its connection. */
  isLast(socket: Socket, at: number): boolean {
    return this.draining || at > (socket as AgingSocket)[ENDS_AT]!;
  }

  /**
   * Keeps serving, but every response asks its caller to close the connection. Stops accepting connections once there
   * have been none for a while, or after `drainMs`; requests in flight are finished, except lists that take too long.
   *
   * @param longestMs time for requests in flight, from now on
   */
  async drain(drainMs: number, longestMs = LONGEST_RESPONSE_MS): Promise<void> {
    this.draining = true;
    const begin = performance.now();
    let lastSeen = begin;
    for (let now = begin; now - begin < drainMs && now - lastSeen < QUIET_MS; now = performance.now()) {
      if (this.open.size > 0) lastSeen = now;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const left = Math.max(0, longestMs - (performance.now() - begin));
    const cut = setTimeout(() => this.server.closeAllConnections(), left);
    await new Promise<void>((resolve) => {
      this.server.close(() => resolve());
      // not closeIdleConnections(), for which a connection is not idle if it has sent nothing yet, or only half a head
      for (const socket of this.open) if (socket[RESPONSES]?.size === 0) socket.destroy();
    });
    clearTimeout(cut);
  }

  private endOldestWithoutRequest(newest: AgingSocket): void {
    for (const socket of this.open) {
      if (socket === newest) return;
      if (socket[RESPONSES]?.size !== 0) continue;
      // the event that removes it comes later
      this.open.delete(socket);
      socket.destroy();
      return;
    }
  }

  /** Disconnects callers that have read nothing since the last check, because their responses stay in memory. */
  private endUnread(): void {
    for (const socket of this.open) {
      const read = socket.writableLength > 0 ? socket.bytesWritten - socket.writableLength : undefined;
      if (read !== undefined && read === socket[READ]) socket.destroy();
      socket[READ] = read;
    }
  }
}

/** Notifies code that waits for the response to close, because the response will never be sent. */
function abandon(response: ServerResponse): void {
  if (response.closed) return;
  response.destroy();
  response.emit("close");
}
