/** Runs a real nginx with the image's configuration in front of a fake API, for the tests of one file. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import { Nginx } from "./nginx";

export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
}

/** Number of connections that the fake API has accepted; the open ones are in `sockets`. */
export class FakeApi {
  /** The requests, in the order in which their heads arrived. */
  readonly seen: Seen[] = [];
  readonly sockets = new Set<Socket>();
  opened = 0;
  /** Called once the body is complete. */
  answer!: (request: IncomingMessage, response: ServerResponse) => void;
  /** Called when the head of a request has arrived; if it returns true, `answer` is not called. */
  atHead!: (request: IncomingMessage, response: ServerResponse) => boolean;
  readonly server = createServer((request, response) => {
    this.seen.push({ method: request.method!, url: request.url!, headers: request.headers });
    if (this.atHead(request, response)) return;
    request
      .resume()
      .on("error", () => undefined)
      .once("end", () => this.answer(request, response));
  });

  constructor() {
    this.reset();
    this.server.on("connection", (socket) => {
      this.opened++;
      this.sockets.add(socket);
      socket.once("close", () => this.sockets.delete(socket));
    });
  }

  reset(): void {
    this.seen.length = 0;
    this.opened = 0;
    this.answer = (_, response) => void response.end("from the API");
    this.atHead = () => false;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** @param port 0 means any free port */
  async listen(port = 0): Promise<void> {
    this.server.listen(port, "127.0.0.1");
    await new Promise((done) => this.server.once("listening", done));
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((done) => this.server.close(done));
  }
}

export interface OpenedConnection {
  readonly socket: Socket;
  /** Everything received so far. */
  readonly got: () => string;
}

/** Opens a connection to `address` from the client address `from`, and sends `text`. */
export function openTo(address: string, text: string, from = "127.0.0.1"): OpenedConnection {
  const socket = connect({ port: Number(new URL(address).port), host: "127.0.0.1", localAddress: from });
  let got = "";
  socket.on("data", (data) => (got += String(data))).on("error", () => undefined);
  socket.write(text);
  return { socket, got: () => got };
}

/**
 * Starts both before the tests of this file and stops them afterwards. The fake API is reset before each test, and
 * connections from `open` are closed after it.
 *
 * @param assets the page's files other than index.html, by path
 * @param edit changes a file of the image
 */
export function nginxBeforeApi(assets: Record<string, string | Buffer> = {}, edit?: (text: string) => string) {
  const files = mkdtempSync(join(tmpdir(), "files-"));
  const api = new FakeApi();
  const sockets: Socket[] = [];
  const setup = {
    /** Folder with the page. */
    files,
    api,
    nginx: undefined as unknown as Nginx,
    address: "",
    open: (text: string, from?: string): OpenedConnection => {
      const connection = openTo(setup.address, text, from);
      sockets.push(connection.socket);
      return connection;
    },
  };
  beforeAll(async () => {
    await api.listen();
    for (const [path, content] of Object.entries({ "index.html": "<title>page</title>", ...assets })) {
      mkdirSync(dirname(join(files, path)), { recursive: true });
      writeFileSync(join(files, path), content);
    }
    setup.nginx = await new Nginx("", undefined, undefined, edit).start(files, api.url);
    setup.address = setup.nginx.address;
  });
  afterAll(async () => {
    await setup.nginx?.stop();
    await api.close();
    rmSync(files, { recursive: true });
  });
  beforeEach(() => api.reset());
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy();
  });
  return setup;
}
