/** Steps of a tier: in order, none after one that failed; what a failure leaves is shown, then removed. */
import { app, kube, monitoring, npmRunWith } from "./system";

let failed: string | undefined;

/** One step, a sentence. It is not tried after an earlier one has failed. `minutes` is its longest time, else 15. */
export function step(name: string, run: () => Promise<void>, minutes?: number): void {
  it(
    name,
    async () => {
      if (failed) throw new Error(`not tried, for an earlier step failed: ${failed}`);
      const begin = Date.now();
      try {
        await run();
        // jest tells nothing before the last step is over, which can be an hour
        process.stderr.write(`✓ ${name} (${Math.round((Date.now() - begin) / 1000)} s)\n`);
      } catch (error) {
        failed = name;
        throw error;
      }
    },
    minutes && minutes * 60_000,
  );
}

/** Call it once a file: after a failure it shows the cluster and removes what was deployed. */
export function removeAfterFailure(env: Readonly<Record<string, string>> = {}): void {
  afterAll(async () => {
    if (!failed) return;
    // a node that is gone explains most of what follows
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
