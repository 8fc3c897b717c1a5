/** A fake Sentinel: the test decides which instance is main and when a failover is reported. */
import { createServer, type Server, type Socket } from "node:net";

/** A bulk string of the Redis protocol. */
export const bulk = (text: string) => `$${Buffer.byteLength(text)}\r\n${text}\r\n`;
const list = (sign: "*" | ">", parts: string[]) => `${sign}${parts.length}\r\n${parts.join("")}`;

export class FakeSentinel {
  /** The main and the epoch that this Sentinel reports; 0 means no main. */
  mainHost = "127.0.0.1";
  mainPort = 0;
  epoch = 1;
  port = 0;
  /** Number of answers. */
  answers = 0;
  private server: Server | undefined;
  private readonly open = new Set<Socket>();
  private readonly listening = new Set<Socket>();

  /** Listens on the same port as before. */
  async start(): Promise<this> {
    this.server = createServer((socket) => {
      this.open.add(socket);
      socket.on("close", () => [this.open, this.listening].forEach((set) => set.delete(socket)));
      socket.on("error", () => undefined);
      socket.on("data", (data) => {
        // commands are small enough to arrive in one piece
        for (const command of String(data).split(/(?=\*\d+\r\n\$)/)) this.answer(socket, command.toLowerCase());
      });
    });
    await new Promise<void>((resolve) => this.server!.listen(this.port, "127.0.0.1", resolve));
    this.port = (this.server.address() as { port: number }).port;
    return this;
  }

  /** Number of subscribed connections. */
  get listeners(): number {
    return this.listening.size;
  }

  /** Reports another main from now on, and announces the failover. */
  reportFailover(port: number, epoch: number): void {
    Object.assign(this, { mainPort: port, epoch });
    const message = list(">", [bulk("message"), bulk("+switch-master"), bulk(`main 127.0.0.1 1 127.0.0.1 ${port}`)]);
    for (const socket of this.listening) socket.write(message);
  }

  async stop(): Promise<void> {
    for (const socket of this.open) socket.destroy();
    await new Promise((resolve) => this.server?.close(resolve));
  }

  private answer(socket: Socket, command: string): void {
    if (command.includes("get-master-addr-by-name")) {
      this.answers++;
      socket.write(list("*", [bulk(this.mainHost), bulk(String(this.mainPort))]));
    } else if (/\r\nmaster\r\n/.test(command)) {
      const fields = [
        "name",
        "main",
        "ip",
        this.mainHost,
        "port",
        String(this.mainPort),
        "config-epoch",
        `${this.epoch}`,
      ];
      socket.write(this.mainPort ? list("*", fields.map(bulk)) : "-ERR No such master with that name\r\n");
    } else if (command.includes("\r\nsubscribe\r\n")) {
      this.listening.add(socket);
      socket.write(list(">", [bulk("subscribe"), bulk("+switch-master"), ":1\r\n"]));
    } else if (command.includes("\r\nhello\r\n")) socket.write(`%1\r\n${bulk("proto")}:3\r\n`);
    else socket.write("+OK\r\n");
  }
}
