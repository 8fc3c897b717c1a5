/** Opens a connection to a test's Redis instance. */
import type { HostPort } from "../../src/config";
import { Connection, type ConnectionOptions } from "../../src/redis/connection/connection";
import { eventually, PASSWORD_FILE } from "./redis";

interface Chosen extends Pick<ConnectionOptions, "clock"> {
  readonly address: HostPort | (() => HostPort);
  /** @default no TLS */
  readonly tls?: ConnectionOptions["tls"];
  /** @default 1000 */
  readonly timeoutMs?: number;
}

/** Creates a connection that is not open yet. */
export function connectionTo({ address, ...chosen }: Chosen): Connection {
  return new Connection({
    name: "main",
    address: typeof address === "function" ? address : () => address,
    login: { user: undefined, passwordFile: PASSWORD_FILE },
    tls: undefined,
    connectTimeoutMs: 1000,
    timeoutMs: 1000,
    late: "reset",
    ...chosen,
  });
}

export async function connect(chosen: Chosen): Promise<Connection> {
  const connection = connectionTo(chosen);
  connection.open();
  await eventually("the connection to be usable", () => connection.usable);
  return connection;
}
