/** `npm run smoke`: runs the smoke test through the front. */
import { loadConfig, type Config } from "../../config";
import { FRONT_PORT, WORKLOAD_NAME } from "../../catalog/workloads";
import { chooseCluster } from "../cluster/choose-cluster";
import { forwarded } from "../cluster/port-forward";
import { smokeTest } from "../deploy/smoke-test";
import { green, say } from "../terminal/ui";

/** The front's Service, as the target of a port-forward. */
export const frontTarget = (config: Config) => ({
  namespace: config.namespaces.app,
  service: WORKLOAD_NAME.react,
  port: FRONT_PORT,
});

export async function smoke(options: { url?: string; yes: boolean }): Promise<void> {
  const config = loadConfig();
  const test = (address: string) => smokeTest(address, ({ what, ms }) => say(`${green("✓")} ${what} (${ms} ms)`));
  if (options.url) return test(options.url.replace(/\/$/, ""));
  const kube = await chooseCluster(config, { action: "Write and delete a test key on", yes: options.yes });
  await forwarded(kube, frontTarget(config), test);
}
