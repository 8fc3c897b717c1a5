/**
 * Steps of a tier: they run in order and stop at the first failure. After a failure, the cluster's state is printed and
 * the deployment is removed.
 */
import { app, kube, monitoring, npmRunWith } from "./system";

let failed: string | undefined;

/**
 * Defines a step whose name is a sentence. It fails at once if an earlier step failed. `minutes` is its timeout.
 * @default 15
 */
export function step(name: string, run: () => Promise<void>, minutes?: number): void {
  it(
    name,
    async () => {
      if (failed) throw new Error(`not run, because an earlier step failed: ${failed}`);
      const begin = Date.now();
      try {
        await run();
        // jest prints nothing until the last step has ended, which can take an hour
        process.stderr.write(`✓ ${name} (${Math.round((Date.now() - begin) / 1000)} s)\n`);
      } catch (error) {
        failed = name;
        throw error;
      }
    },
    minutes && minutes * 60_000,
  );
}

/** Call this once per file: after a failure, it prints the cluster's state and removes the deployment. */
export function removeAfterFailure(env: Readonly<Record<string, string>> = {}): void {
  afterAll(async () => {
    if (!failed) return;
    // a lost node explains most of the later failures
    console.log(await kube.raw(["get", "nodes", "-o", "wide"]).catch((error: Error) => error.message));
    for (const ns of [app, monitoring]) {
      for (const what of [
        ["pods", "-o", "wide"],
        ["events", "--field-selector", "type=Warning", "--sort-by=.lastTimestamp"],
      ]) {
        console.log(await kube.raw(["-n", ns, "get", ...what]).catch((error: Error) => error.message));
      }
    }
    await npmRunWith(env, "down", "--yes");
  });
}
