import type { Connection } from "./connection";

/** Identity of the Redis process, because SCAN cursors are only valid in one process. */
export async function readRunId(connection: Connection): Promise<string | undefined> {
  const info = await connection.probe((client) => client.info("server"));
  return /^run_id:(\w+)/m.exec(info)?.[1];
}
