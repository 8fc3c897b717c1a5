/** Reads the configuration and synthesizes the four layers. `cdktf` and the scripts run this file. */
import { loadConfig } from "./config";
import { buildApp } from "./stacks";
import { resolveImages } from "./modules/images/resolve";

async function main(): Promise<void> {
  const config = loadConfig();
  buildApp(config, await resolveImages(config)).synth();
}

main().catch((error: unknown) => {
  // only the message, because a stack trace does not help with an invalid configuration
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
