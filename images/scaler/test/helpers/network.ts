/**
 * A network for pods: each address connects to a server in this process, because not every system has more than one
 * local address.
 */
import * as http from "node:http";
import * as net from "node:net";

/** Port by address. An address without a port refuses connections. */
const ports = new Map<string, number>();

type Connect = (this: http.Agent, options: net.NetConnectOpts, callback?: () => void) => net.Socket;
const prototype = http.Agent.prototype as unknown as { createConnection: Connect };
const original = prototype.createConnection;
prototype.createConnection = function (options, callback) {
  const { host = "" } = options as net.TcpNetConnectOpts;
  if (!host.startsWith("10.")) return original.call(this, options, callback);
  return original.call(
    this,
    { ...options, host: "127.0.0.1", port: ports.get(host) ?? 1 } as net.NetConnectOpts,
    callback,
  );
};

export class FakePod {
  /** Returns the text of its metrics. */
  text: () => string = () => "";
  /** Accepts requests and never answers. */
  isHanging = false;
  /** Time until it answers, ms. */
  delayMs = 0;
  status = 200;
  readonly paths: string[] = [];
  inFlight = 0;
  mostInFlight = 0;
  connections = 0;
  private readonly server = http.createServer((request, response) => {
    this.paths.push(request.url ?? "");
    this.inFlight++;
    this.mostInFlight = Math.max(this.mostInFlight, this.inFlight);
    response.once("close", () => this.inFlight--);
    if (this.isHanging) return;
    const answer = () => response.writeHead(this.status).end(this.text());
    if (this.delayMs) setTimeout(answer, this.delayMs);
    else answer();
  });

  constructor(readonly ip: string) {
    this.server.on("connection", () => this.connections++);
  }

  async start(): Promise<this> {
    this.server.listen(0, "127.0.0.1");
    await new Promise((resolve) => this.server.once("listening", resolve));
    ports.set(this.ip, (this.server.address() as net.AddressInfo).port);
    return this;
  }

  async stop(): Promise<void> {
    ports.delete(this.ip);
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
