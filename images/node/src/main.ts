/** Starts the API and stops it gracefully. */
import { readConfig } from "./config";
import { log } from "./log";
import { ApiServer } from "./http/server";

/** Shorter than the pod's grace period, so that the process exits before the kubelet kills it. */
const STOP_LIMIT_MS = 30_000;

async function main(): Promise<void> {
  const server = new ApiServer(readConfig(process.env));
  log("info", "listening", { port: await server.start() });

  let stopping = false;
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => {
      if (stopping) return;
      stopping = true;
      log("info", "stopping", { signal });
      setTimeout(() => process.exit(1), STOP_LIMIT_MS).unref();
      void server.stop().then(() => process.exit(0));
    });
  }
}

main().catch((error: unknown) => {
  log("error", (error as Error).message);
  process.exit(1);
});
