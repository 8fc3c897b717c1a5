/** `npm run diff`: shows what `up` would change, one line per layer. Exit code 2 if anything would change. */
import { loadConfig } from "../../config";
import { LAYERS, UPSTREAM, type LayerName } from "../../stacks/outputs";
import type { ResolvedImages } from "../../modules/images/resolve";
import { chooseCluster } from "../cluster/choose-cluster";
import type { Kube } from "../cluster/kubectl";
import { checkStateIsHere } from "../terraform/backend-change";
import { findDrift, type Drift } from "../deploy/drift";
import { intended, planLayer } from "../deploy/layers";
import { checkTerraform } from "../deploy/preflight";
import { checkSystemIsKnown } from "../deploy/unknown-deployment";
import { planVolumes } from "../deploy/volumes";
import { synth } from "../terraform/synth";
import { Terraform, type Plan } from "../terraform/terraform";
import { allDone } from "../terminal/all-done";
import { bold, dim, green, inStep, say, yellow } from "../terminal/ui";

export type LayerDiff =
  | { readonly kind: "unchanged" }
  | { readonly kind: "changes"; readonly text: string; readonly lines: readonly string[] }
  /** The layer depends on layers that are not deployed yet, so it cannot be planned. */
  | { readonly kind: "waits"; readonly for: readonly LayerName[] }
  /** The layer's own plan is empty, but the layer depends on one that would change. */
  | { readonly kind: "may change"; readonly after: readonly LayerName[] };

/** The result for a layer, derived from its own plan and from the results of the layers that it depends on. */
export function judge(
  layer: LayerName,
  upstream: ReadonlyMap<LayerName, LayerDiff>,
  isDeployed: (layer: LayerName) => boolean,
  plan: LayerDiff | undefined,
): LayerDiff {
  const missing = UPSTREAM[layer].filter((name) => !isDeployed(name));
  if (missing.length) return { kind: "waits", for: missing };
  if (plan?.kind === "changes") return plan;
  const changing = UPSTREAM[layer].filter((name) => upstream.get(name)?.kind !== "unchanged");
  return changing.length ? { kind: "may change", after: changing } : { kind: "unchanged" };
}

/** A layer's plan, including the drift that Terraform does not show. */
export function withDrift(plan: Plan, drifts: readonly Drift[]): LayerDiff {
  if (plan.isEmpty && !drifts.length) return { kind: "unchanged" };
  const drift = drifts.length ? `changed manually: ${drifts.map((d) => d.name).join(", ")}` : "";
  return {
    kind: "changes",
    text: [plan.isEmpty ? "" : intended(plan), drift].filter(Boolean).join("; "),
    lines: [...plan.lines, ...drifts.flatMap((d) => d.paths.map((path) => `revert ${d.name}: ${path}`))],
  };
}

export async function diff(options: { yes: boolean; verbose: boolean }): Promise<number> {
  const config = loadConfig();
  await checkTerraform(config);
  const kube = await chooseCluster(config, { action: "Compare with", yes: options.yes });
  await checkStateIsHere(kube);
  await checkSystemIsKnown(kube);
  const images = await synth(config);
  await checkSystemIsKnown(kube, new Terraform(config, "data"));
  const changed = await showChanges(kube, images, options);
  say(changed ? `${bold("Something would change.")} Deploy it: npm run up` : green("Nothing would change."));
  return changed ? 2 : 0;
}

/** Prints what a deployment would change, per layer; returns whether it would change anything. */
export async function showChanges(kube: Kube, images: ResolvedImages, options: { verbose: boolean }): Promise<boolean> {
  const { config } = kube;
  const terraforms = new Map(LAYERS.map((layer) => [layer, new Terraform(config, layer)]));
  const deployed = new Map<LayerName, Promise<boolean>>();
  const found = new Map<LayerName, Promise<LayerDiff>>();
  const allOf = async <T>(layers: readonly LayerName[], of: ReadonlyMap<LayerName, Promise<T>>) =>
    new Map(await Promise.all(layers.map(async (name) => [name, await of.get(name)!] as const)));
  for (const [layer, terraform] of terraforms)
    deployed.set(
      layer,
      terraform.init().then(async () => Object.keys(await terraform.outputs()).length > 0),
    );
  for (const [layer, terraform] of terraforms) {
    let result!: LayerDiff;
    const work = inStep(layer, async (step) => {
      step.doing("preparing");
      await deployed.get(layer);
      const upstream = await allOf(UPSTREAM[layer], deployed);
      let plan: LayerDiff | undefined;
      if ([...upstream.values()].every(Boolean)) {
        step.doing("planning");
        const onProgress = (text: string) => step.doing(text);
        const p = await planLayer(config, terraform, images, { lock: false, onProgress });
        step.doing("looking for manual changes");
        plan = withDrift(p, await findDrift(kube, terraform));
      }
      result = judge(layer, await allOf(UPSTREAM[layer], found), (name) => upstream.get(name) ?? false, plan);
      return [describe(result), ...details(result, options.verbose)].join("\n");
    });
    found.set(
      layer,
      work.then(() => result),
    );
  }
  const changes = await allDone(found.values());
  // volumes are not in Terraform's plan, because `up` itself enlarges them
  const { growing } = await planVolumes(kube, { trial: false });
  for (const { name, from, to } of growing) say(`  ${yellow(`volume ${name}: ${from} → ${to}`)}`);
  return growing.length > 0 || changes.some((d) => d.kind !== "unchanged");
}

/** The lines that explain a layer's changes; the first five, unless `verbose`. */
function details(result: LayerDiff, verbose: boolean): string[] {
  if (result.kind !== "changes") return [];
  const shown = verbose ? result.lines : result.lines.slice(0, 5);
  const more = result.lines.length - shown.length;
  return [
    ...shown.map((line) => dim(`    ${line}`)),
    ...(more ? [dim(`    … and ${more} more: npm run diff -- --verbose`)] : []),
  ];
}

function describe(d: LayerDiff): string {
  switch (d.kind) {
    case "unchanged":
      return green("unchanged");
    case "changes":
      return yellow(d.text);
    case "waits":
      return yellow(`not deployed yet; waits for ${d.for.join(" and ")}`);
    case "may change":
      return yellow(`may change after ${d.after.join(" and ")}`);
  }
}
