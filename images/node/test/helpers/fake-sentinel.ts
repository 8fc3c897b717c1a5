/** A fake Sentinel: the test decides which instance is main and when a failover is reported. */
import { createServer, type Server, type Socket } from "node:net";

/** A bulk string of the Redis protocol. */
export const bulk = (text: string) => `$${Buffer.byteLength(text)}\r\n${text}\r\n`;
const array = (...parts: string[]) => `*${parts.length}\r\n${parts.join("")}`;

export class FakeSentinel {
  mainPort = 0;
  port = 0;
  private readonly server: Server;
  private readonly open = new Set<Socket>();
  private readonly listening = new Set<Socket>();

  constructor() {
    this.server = createServer((socket) => {
      this.open.add(socket);
      socket.on("close", () => [this.open, this.listening].forEach((set) => set.delete(socket)));
      socket.on("error", () => undefined);
      socket.on("data", (data) => {
        // commands are small enough to arrive in one piece
        for (const command of String(data).split(/(?=\*\d+\r\n\$)/)) this.answer(socket, command.toLowerCase());
      });
    });
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    this.port = (this.server.address() as { port: number }).port;
    return this;
  }

  /** Number of subscribed connections. */
  get listeners(): number {
    return this.listening.size;
  }

  /** Reports a failover to `port`. */
  reportFailover(port: number): void {
    const message = array(bulk("message"), bulk("+switch-master"), bulk(`main 127.0.0.1 1 127.0.0.1 ${port}`));
    for (const socket of this.listening) socket.write(message);
  }

  async stop(): Promise<void> {
    for (const socket of this.open) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private answer(socket: Socket, command: string): void {
    if (command.includes("get-master-addr-by-name"))
      socket.write(array(bulk("127.0.0.1"), bulk(String(this.mainPort))));
    else if (command.includes("\r\nsentinel\r\n")) socket.write(array());
    else if (command.includes("\r\nsubscribe\r\n")) {
      this.listening.add(socket);
      socket.write(array(bulk("subscribe"), bulk("+switch-master"), ":1\r\n"));
    } else if (command.includes("\r\ninfo\r\n")) socket.write(bulk("redis_version:8.0.0\r\nloading:0"));
    else if (command.includes("\r\nhello\r\n")) socket.write("-NOPROTO\r\n");
    else socket.write("+OK\r\n");
  }
}
