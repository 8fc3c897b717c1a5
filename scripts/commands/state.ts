/** `npm run state`: shows each layer's state and lock; with `--from`, migrates the states from another backend. */
import * as fs from "node:fs";
import { type Config, loadConfig } from "../../config";
import { resolveImages } from "../../modules/images/resolve";
import { statePath } from "../../stacks/layer";
import { LAYERS } from "../../stacks/outputs";
import { chooseCluster } from "../cluster/choose-cluster";
import { stateLocks } from "../terraform/state-locks";
import { moveState, sizeOf, withStores } from "../terraform/state-store";
import { dim, Failure, inStep, say, table, yellow } from "../terminal/ui";

export const BACKENDS = ["local", "kubernetes", "s3"] as const;
export type Backend = (typeof BACKENDS)[number];

export interface StateOptions {
  /** Backend that holds the states now. */
  readonly from?: Backend;
  readonly yes: boolean;
}

export async function state(options: StateOptions): Promise<void> {
  const config = loadConfig();
  const { backend } = config.state;
  const kube = await chooseCluster(config, { action: "Read the states of the deployment on", yes: options.yes });
  const images = await resolveImages(config);
  if (options.from === undefined) {
    const locks = await stateLocks(kube);
    const rows = await withStores(config, images, (stores) =>
      Promise.all(
        LAYERS.map(async (layer) => {
          const held = locks.find((l) => l.layer === layer);
          return [layer, sizeOf(await stores[layer].read()), held ? yellow(held.text) : ""];
        }),
      ),
    );
    say(`Backend: ${backend}`);
    return say(table([["layer", "state", ""].map(dim), ...rows]));
  }
  if (options.from === backend) {
    throw new Failure(
      `--from is ${backend}, but state.backend is ${backend} too.`,
      "Set state.backend to the new backend, and --from to the one that currently holds the states.",
    );
  }
  const before: Config = { ...config, state: { ...config.state, backend: options.from } };
  let moved = 0;
  await withStores(before, images, (from) =>
    withStores(config, images, async (to) => {
      for (const layer of LAYERS) {
        await inStep(layer, async () => {
          const what = await moveState(layer, from[layer], to[layer]);
          if (what === "moved") moved++;
          return what;
        });
      }
    }),
  );
  // only after all layers have been copied, so that no run finds an incomplete set of old states
  if (options.from === "local") {
    for (const file of LAYERS.map((layer) => statePath(before, layer)).filter((f) => fs.existsSync(f)))
      fs.renameSync(file, `${file}.moved`);
  }
  say();
  say(
    `${moved} of ${LAYERS.length} states moved from ${options.from} to ${backend}. Check that nothing changes: npm run diff`,
  );
  if (options.from === "local") say("The old files now have the suffix .moved. Delete them after that check.");
  else say(`The old states are still in ${options.from}. Delete them after that check.`);
}
