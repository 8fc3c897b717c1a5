/** A caller that sends raw bytes, and reads the response only when the test does. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";

/**
 * Connects to `address`, such as http://127.0.0.1:1234, and sends `text`. Nothing reads the response until the test
 * does.
 *
 * @param from the address that the caller connects from
 */
export async function sendTo(address: string, text: string, from = "127.0.0.1"): Promise<Socket> {
  const socket = connect({ port: Number(new URL(address).port), host: "127.0.0.1", localAddress: from });
  // the API resets connections
  socket.on("error", () => undefined);
  await once(socket, "connect");
  socket.write(text);
  return socket;
}
