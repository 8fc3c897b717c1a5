/** Opens a connection to a Redis of the tests. */
import { Connection, type ConnectionOptions } from "../../src/redis/connection/connection";
import { eventually, PASSWORD_FILE } from "./redis";

export async function connect({ address, clock }: Pick<ConnectionOptions, "address" | "clock">): Promise<Connection> {
  const connection = new Connection({
    name: "main",
    address,
    login: { user: undefined, passwordFile: PASSWORD_FILE },
    tls: undefined,
    connectTimeoutMs: 1000,
    timeoutMs: 1000,
    clock,
  });
  connection.open();
  await eventually("the connection to be usable", () => connection.usable);
  return connection;
}
