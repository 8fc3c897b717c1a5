/** Configuration → four layers → synth. `cdktf` runs this file; so do the scripts. */
import { loadConfig } from "./config";
import { buildApp } from "./stacks";
import { resolveImages } from "./modules/images/resolve";

async function main(): Promise<void> {
  const config = loadConfig();
  buildApp(config, await resolveImages(config)).synth();
}

main().catch((error: unknown) => {
  // one clear sentence; the stack of a refusal says nothing
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
