/** Handles volumes and sizes in `npm run up`: the checks, and the steps before and after the layers are deployed. */
import { parseQuantity } from "../../config";
import type { Kube } from "../cluster/kubectl";
import { RunError } from "../terminal/run-program";
import { Failure, inStep, say, yellow, type Step } from "../terminal/ui";
import { recreateMainSet } from "./recreate-set";
import { checkRedisSizes } from "./redis-sizes";
import { enlargement, isOwnQuota, planVolumes, type Growth, type VolumePlan } from "./volumes";

/** Time that a driver usually needs to enlarge a volume that is in use, in ms. */
const RESIZE_MS = 60_000;
const POLL_MS = 1000;

/** Checks volumes and sizes, and prints warnings. Changes nothing. @throws Failure */
export async function checkStorage(kube: Kube): Promise<VolumePlan> {
  const plan = await planVolumes(kube);
  const warnings = [...plan.warnings, ...checkRedisSizes(kube.config.redis, plan.mainVolume)];
  for (const warning of warnings) say(yellow(`! ${warning}`));
  return plan;
}

/** Enlarges claims; returns those that must wait until the deployment has raised the namespace's quota. */
async function enlarge(kube: Kube, growing: readonly Growth[]): Promise<Growth[]> {
  const waiting: Growth[] = [];
  for (const growth of growing) {
    try {
      await kube.raw(enlargement(growth));
    } catch (error) {
      if (!(error instanceof RunError && isOwnQuota(error))) throw error;
      waiting.push(growth);
    }
  }
  return waiting;
}

/**
 * Enlarges the claims, and recreates main's StatefulSet for the new template. Each part is repeatable, and the next run
 * continues an interrupted one.
 */
export async function growVolumes(kube: Kube, { growing, change }: VolumePlan): Promise<void> {
  if (!growing.length && !change) return;
  await inStep("volumes", async (step) => {
    step.doing("enlarging the claims");
    const waiting = await enlarge(kube, growing);
    if (change) {
      step.doing("recreating the StatefulSet of main, without its pods");
      await recreateMainSet(kube, change);
    }
    const now = growing.filter((growth) => !waiting.includes(growth)).map(({ name, to }) => `${name} ${to}`);
    const later = waiting.map(({ name }) => `${name} after the quota is raised`);
    return [...now, ...later].join(", ") || "template of main's volumes updated";
  });
}

/**
 * Enlarges the claims that the quota had refused, and waits for the driver. Reports volumes that are not resized yet.
 */
export async function finishGrowth(
  kube: Kube,
  { growing }: VolumePlan,
  { timeoutMs = RESIZE_MS, pollMs = POLL_MS } = {},
): Promise<void> {
  if (!growing.length) return;
  const pending: string[] = [];
  await inStep("resize", async (step) => {
    // repeats finished work, which changes nothing
    const [refused] = await enlarge(kube, growing);
    if (refused)
      throw new Failure(
        `The quota of namespace ${refused.namespace} refuses ${refused.to} for the volume ${refused.name}.`,
        "Check it: npm run diff should report no changes. Then run npm run up again.",
      );
    const end = Date.now() + timeoutMs;
    for (const growth of growing) {
      const reason = await resized(kube, growth, step, end, pollMs);
      if (reason) pending.push(reason);
    }
    return pending.length ? `${pending.length} of ${growing.length} volumes pending` : `${growing.length} volumes`;
  });
  for (const reason of pending) say(yellow(`! ${reason}`));
}

/** Waits until a volume has its new size; returns a sentence about one that is still smaller. */
async function resized(
  kube: Kube,
  { name, namespace, to }: Growth,
  step: Pick<Step, "doing">,
  end: number,
  pollMs: number,
): Promise<string | undefined> {
  for (;;) {
    const claim = await kube.get("pvc", name, namespace);
    const has = claim?.status?.capacity?.storage ?? "0";
    if (!claim || parseQuantity(has) >= parseQuantity(to)) return undefined;
    const conditions = claim.status?.conditions ?? [];
    if (conditions.some(({ type, status }) => type === "FileSystemResizePending" && status === "True"))
      return `The volume ${name} is ${to}, but its file system is still smaller. The driver enlarges the file system when the pod starts, so delete the pod that uses this volume at a convenient time.`;
    if (Date.now() > end) {
      const why = conditions.map(({ type, message }) => message ?? type).join("; ");
      return `The claim ${name} requests ${to}, but its volume still has ${has}${why ? ` (${why})` : ""}. No data is lost. If this persists: kubectl -n ${namespace} describe pvc ${name}.`;
    }
    step.doing(`waiting until ${name} has ${to}`);
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}
