/** Plans and applies the layers in the order of their dependencies. */
import type { Config } from "../../config";
import { IMAGE_NAMES, type ResolvedImages } from "../../modules/images/resolve";
import { LAYERS, UPSTREAM, type LayerName, type OutputName } from "../../stacks/outputs";
import { keepAnnotations } from "./foreign-annotations";
import { adoptOrphans, recordIntent } from "./interrupted-run";
import { findDrift, repairDrift, type Drift } from "./drift";
import type { Kube } from "../cluster/kubectl";
import { Terraform, type Changes, type Plan } from "../terraform/terraform";
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
  // wait for all layers before reporting the first failure, so that nothing is still running at that point
  const failed = (await Promise.allSettled(started.values())).find((r) => r.status === "rejected");
  if (failed) throw failed.reason;
}

/** Deploys each layer as soon as the layers that it depends on are done. */
export const deployLayers = (kube: Kube, images: ResolvedImages): Promise<void> =>
  inOrder(
    LAYERS,
    (layer) => UPSTREAM[layer],
    (layer) => deployLayer(kube, layer, images),
  );

const destroyLayer = (kube: Kube, layer: LayerName): Promise<void> =>
  inStep(layer, async (step) => {
    const terraform = new Terraform(kube.config, layer);
    step.doing("preparing");
    await terraform.init();
    await adoptOrphans(kube, terraform, (text) => step.doing(text));
    if (!(await terraform.resources()).length) return "nothing deployed";
    step.doing("planning");
    await terraform.plan({ destroy: true, onProgress: (text) => step.doing(text) });
    return summary(await terraform.apply((text) => step.doing(text))) || "outputs removed";
  });

/** Destroys each layer as soon as no other layer reads it; skips a layer with an empty state. */
export async function destroyLayers(kube: Kube): Promise<void> {
  const reversed = [...LAYERS].reverse();
  await inOrder(
    reversed,
    (layer) => LAYERS.filter((reader) => reads(reader, layer)),
    (layer) => destroyLayer(kube, layer),
  );
}
