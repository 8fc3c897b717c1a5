/** A server that accepts connections and answers nothing. */
import { createServer, type Server } from "node:net";

export async function silentServer(): Promise<{ readonly server: Server; readonly url: string }> {
  const server = createServer((socket) => {
    // the API resets connections that do not answer
    socket.on("error", () => undefined);
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  return { server, url: `redis://127.0.0.1:${(server.address() as { port: number }).port}` };
}
