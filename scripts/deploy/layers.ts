/** Plans and applies the layers in the order of their dependencies. */
import type { Config } from "../../config";
import { IMAGE_NAMES, type ResolvedImages } from "../../modules/images/resolve";
import { LAYERS, UPSTREAM, type LayerName, type OutputName } from "../../stacks/outputs";
import { keepAnnotations } from "./foreign-annotations";
import { adoptOrphans, recordIntent } from "./interrupted-run";
import { findDrift, repairDrift, type Drift } from "./drift";
import type { Kube } from "../cluster/kubectl";
import { Terraform, type Changes, type Plan } from "../terraform/terraform";
import { allDone } from "../terminal/all-done";
import { Failure, inStep } from "../terminal/ui";

export const summary = ({ add, change, remove }: Changes): string =>
  [add && `${add} added`, change && `${change} changed`, remove && `${remove} removed`].filter(Boolean).join(", ");

export const intended = ({ add, change, remove }: Changes): string =>
  [add && `${add} to add`, change && `${change} to change`, remove && `${remove} to remove`]
    .filter(Boolean)
    .join(", ") || "outputs to change";

/**
 * Whether layer `images` is up to date: the registry has every tag, and the layer's outputs contain those digests. This
 * check does not need Docker.
 */
export function imagesAreCurrent(
  config: Config,
  images: ResolvedImages,
  outputs: Readonly<Partial<Record<OutputName<"images">, string>>>,
): boolean {
  return IMAGE_NAMES.every((name) => {
    const image = images[name];
    // an image that is no longer used must not remain in the state
    if (!image) return outputs[`${name}_image`] === undefined;
    const expected =
      image.kind === "prebuilt"
        ? image.reference
        : image.inRegistry.state === "held"
          ? `${config.registry.pull}/${image.repository}@${image.inRegistry.digest}`
          : undefined;
    return expected !== undefined && outputs[`${name}_image`] === expected;
  });
}

const EMPTY: Plan = { add: 0, change: 0, remove: 0, isEmpty: true, lines: [] };

export async function planLayer(
  config: Config,
  terraform: Terraform,
  images: ResolvedImages,
  options: { lock?: boolean; onProgress?: (text: string) => void } = {},
): Promise<Plan> {
  if (terraform.layer === "images" && imagesAreCurrent(config, images, await terraform.outputs())) return EMPTY;
  return terraform.plan(options);
}

const deployLayer = (kube: Kube, layer: LayerName, images: ResolvedImages): Promise<void> =>
  inStep(layer, async (step) => {
    const { config } = kube;
    const terraform = new Terraform(config, layer);
    step.doing("preparing");
    await terraform.init();
    const adopted = await adoptOrphans(kube, terraform, (text) => step.doing(text));
    step.doing("planning");
    const plan = await planLayer(config, terraform, images, { onProgress: (text) => step.doing(text) });
    let text = "unchanged";
    const conflicting: Drift[] = [];
    if (!plan.isEmpty) {
      step.doing(`applying: ${intended(plan)}`);
      let changes!: Changes;
      const apply = () =>
        keepAnnotations(kube, terraform, async () => {
          changes = await recordIntent(kube, terraform, () => terraform.apply((name) => step.doing(name)));
        });
      try {
        await apply();
      } catch (error) {
        if (!(error instanceof Failure && error.message.includes("field manager conflict"))) throw error;
        // a field in this plan was also changed manually: revert that first
        conflicting.push(...(await findDrift(kube, terraform)));
        await repairDrift(kube, conflicting);
        await terraform.plan({ onProgress: (name) => step.doing(name) });
        await apply();
      }
      text = summary(changes) || "outputs updated";
    }
    if (adopted !== undefined) {
      text += adopted
        ? `; ${adopted} objects of an interrupted run adopted`
        : "; an interrupted run had created nothing here";
    }
    const drifts = await findDrift(kube, terraform);
    await repairDrift(kube, drifts);
    drifts.push(...conflicting.filter((d) => !drifts.some((other) => other.name === d.name)));
    return drifts.length ? `${text}; manual changes reverted: ${drifts.map((d) => d.name).join(", ")}` : text;
  });

const reads = (layer: LayerName, other: LayerName): boolean =>
  (UPSTREAM[layer] as readonly LayerName[]).includes(other);

/** Works on each layer as soon as those `before` it, which come earlier in `layers`, are done. */
async function inOrder(
  layers: readonly LayerName[],
  before: (layer: LayerName) => readonly LayerName[],
  work: (layer: LayerName) => Promise<void>,
): Promise<void> {
  const started = new Map<LayerName, Promise<void>>();
  for (const layer of layers) {
    const earlier = before(layer).map((name) => started.get(name)!);
    started.set(
      layer,
      Promise.all(earlier).then(() => work(layer)),
    );
  }
  await allDone(started.values());
}

/** Deploys each layer as soon as the layers that it depends on are done. */
export const deployLayers = (kube: Kube, images: ResolvedImages): Promise<void> =>
  inOrder(
    LAYERS,
    (layer) => UPSTREAM[layer],
    (layer) => deployLayer(kube, layer, images),
  );

/** Plans the removal of everything in a layer; returns false if it contains nothing. */
async function planRemoval(kube: Kube, terraform: Terraform, onProgress: (text: string) => void): Promise<boolean> {
  await terraform.init();
  await adoptOrphans(kube, terraform, onProgress);
  if (!(await terraform.resources()).length) return false;
  await terraform.plan({ destroy: true, onProgress });
  return true;
}

/**
 * Destroys each layer as soon as no other layer reads it; skips a layer with an empty state.
 *
 * Nothing is deleted until the removal of every layer in the cluster is planned, so a state that cannot be read or that
 * another run has locked leaves the system as it was. Layer `images` is planned when its turn comes: it deletes nothing
 * in the cluster, and its plan needs Docker.
 *
 * @param onPlanned called before anything is deleted
 */
export async function destroyLayers(kube: Kube, onPlanned: () => Promise<void>): Promise<void> {
  const terraformOf = new Map(LAYERS.map((layer) => [layer, new Terraform(kube.config, layer)]));
  const inCluster = LAYERS.filter((layer) => layer !== "images");
  const isDeployed = new Map<LayerName, boolean>();
  await inStep("plans", async (step) => {
    await allDone(
      inCluster.map(async (layer) => {
        const onProgress = (text: string) => step.doing(`${layer}: ${text}`);
        isDeployed.set(layer, await planRemoval(kube, terraformOf.get(layer)!, onProgress));
      }),
    );
    const deployed = inCluster.filter((layer) => isDeployed.get(layer));
    return deployed.length ? `to remove: ${deployed.join(", ")}` : "nothing deployed in the cluster";
  });
  await onPlanned();
  const destroy = (layer: LayerName): Promise<void> =>
    inStep(layer, async (step) => {
      const terraform = terraformOf.get(layer)!;
      const isThere = isDeployed.get(layer) ?? (await planRemoval(kube, terraform, (text) => step.doing(text)));
      if (!isThere) return "nothing deployed";
      return summary(await terraform.apply((text) => step.doing(text))) || "outputs removed";
    });
  await inOrder([...LAYERS].reverse(), (layer) => LAYERS.filter((reader) => reads(reader, layer)), destroy);
}
