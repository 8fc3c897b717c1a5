/**
 * Keeps annotations that other tools have set on a Service or an Ingress, such as a cloud's record of its load
 * balancer. When the configuration adds the first annotation to such an object, Terraform's provider adds the whole map
 * instead of one key (`diffStringMap` in its source), which removes the annotations of other tools. Not every tool sets
 * them again, so they are restored after the apply.
 */
import type { Kube } from "../cluster/kubectl";
import { kindOf, targetOf, type Target } from "../terraform/cluster-object";
import type { PlannedResource, Terraform } from "../terraform/terraform";
import { say, yellow } from "../terminal/ui";

/** Types of the objects whose annotations a user can configure. */
const ANNOTATED = new Set(["kubernetes_service_v1", "kubernetes_ingress_v1"]);

type Annotations = Readonly<Record<string, string>>;

/** An object before the apply, with the annotations that other tools set. */
interface Before {
  readonly target: Target;
  readonly foreign: Annotations;
}

const plannedOf = ({ values }: PlannedResource): Annotations =>
  (values["metadata"] as { annotations?: Annotations | null }[] | undefined)?.[0]?.annotations ?? {};

const liveOf = async (kube: Kube, target: Target): Promise<Annotations> =>
  (await kube.get(kindOf(target), target.name, target.namespace))?.metadata.annotations ?? {};

/**
 * Runs an apply, and restores annotations of other tools that it removed; returns the names of the objects concerned.
 */
export async function keepAnnotations(
  kube: Kube,
  terraform: Terraform,
  apply: () => Promise<unknown>,
): Promise<readonly string[]> {
  const before: Before[] = [];
  for (const resource of terraform.layer === "app" ? await terraform.planned() : []) {
    const target = targetOf(resource.address, resource.type, resource.values);
    const own = plannedOf(resource);
    if (!target || resource.isNew || !ANNOTATED.has(resource.type) || !Object.keys(own).length) continue;
    const foreign = Object.entries(await liveOf(kube, target)).filter(([key]) => !(key in own));
    if (foreign.length) before.push({ target, foreign: Object.fromEntries(foreign) });
  }
  try {
    await apply();
  } catch (error) {
    // the apply's error explains the failure; annotations that could not be restored are printed, so that they are not lost
    await restore(kube, before).catch(() => before.forEach((one) => say(yellow(lostText(one)))));
    throw error;
  }
  return restore(kube, before);
}

async function restore(kube: Kube, before: readonly Before[]): Promise<readonly string[]> {
  const restored: string[] = [];
  for (const { target, foreign } of before) {
    const now = await liveOf(kube, target);
    const lost = Object.entries(foreign).filter(([key]) => now[key] === undefined);
    if (!lost.length) continue;
    const place = target.namespace ? ["-n", target.namespace] : [];
    await kube.raw([...place, "annotate", kindOf(target), target.name, ...lost.map(([k, v]) => `${k}=${v}`)]);
    restored.push(target.name);
  }
  return restored;
}

const lostText = ({ target, foreign }: Before): string =>
  `${target.name} may have lost annotations that other tools set; it had: ${JSON.stringify(foreign)}`;
