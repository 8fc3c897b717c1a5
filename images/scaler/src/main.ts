/** Starts the scaler and stops it gracefully. */
import { readConfig } from "./config";
import { HttpServer } from "./http/server";
import { log } from "./log";
import { Scaler } from "./scaling/scaler";

/** Shorter than the pod's grace period, so that the process exits by itself before it is killed. */
const STOP_LIMIT_MS = 8000;

async function main(): Promise<void> {
  const config = readConfig(process.env);
  const scaler = new Scaler(config);
  const server = new HttpServer(scaler);
  const port = await server.start(config.port);
  scaler.start();
  log("info", "started", { port, workloads: config.targets.map(({ workload }) => workload), tickMs: config.tickMs });

  let stopping = false;
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => {
      if (stopping) return;
      stopping = true;
      log("info", "stopping", { signal });
      setTimeout(() => process.exit(1), STOP_LIMIT_MS).unref();
      void scaler
        .stop()
        .then(() => server.stop())
        .then(() => process.exit(0));
    });
  }
}

main().catch((error: unknown) => {
  for (const line of (error as Error).message.split("\n")) log("error", line);
  process.exit(1);
});
