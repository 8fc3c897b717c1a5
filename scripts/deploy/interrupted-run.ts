/**
 * Adopts the objects that a killed run created but could not record.
 *
 * Terraform records an object in its state after the cluster has answered. A run that is killed in between leaves an
 * object behind, and the next run would fail with "already exists". So before each apply, a file that lists what the
 * apply will create is written next to the states; the file is deleted when Terraform exits normally. If the file still
 * exists, a run was interrupted, and the next run adopts the listed objects that were created during it. Any other
 * existing object belongs to another deployment and remains an error.
 */
import * as fs from "node:fs";
import * as path from "node:path";
import { PROJECT_ROOT } from "../../catalog/paths";
import { isOurs } from "../cluster/kube-object";
import type { Kube, KubeObject } from "../cluster/kubectl";
import type { LayerName } from "../../stacks/outputs";
import { idOf, kindOf, targetOf, type Target } from "../terraform/cluster-object";
import type { Terraform } from "../terraform/terraform";
import { RunError } from "../terminal/run-program";
import { INTERRUPTED } from "../terminal/interrupts";
import { Failure } from "../terminal/ui";

/** Tolerance for clock differences with the cluster, and for a Terraform that outlives its run, in ms. */
const CLOCKS_MS = 120_000;
/** Interval at which a run updates the file's modification time, in ms. */
const ALIVE_MS = 5000;

/** An object that an apply creates or changes. */
interface Planned extends Target {
  /** Whether the apply creates it. */
  readonly isNew: boolean;
}
interface Intent {
  readonly at: string;
  readonly targets: readonly Planned[];
}

const intentFile = (kube: Kube, layer: LayerName): string =>
  path.resolve(PROJECT_ROOT, kube.config.state.dir, "applying", `${layer}.json`);
const fileOf = (kube: Kube, terraform: Terraform): string => intentFile(kube, terraform.layer);

/** Whether a run from this checkout was interrupted while it changed a layer. */
export const wasInterrupted = (kube: Kube, layer: LayerName): boolean => fs.existsSync(intentFile(kube, layer));

/** Whether Terraform saved its state before it failed; after a signal, it may not have. */
const savedItsState = (error: unknown): boolean =>
  error instanceof Failure &&
  error.exitCode !== INTERRUPTED &&
  !(error instanceof RunError && error.code === undefined);

/** Runs an apply. A file lists what it will create, until Terraform has exited normally. */
export async function recordIntent<T>(kube: Kube, terraform: Terraform, apply: () => Promise<T>): Promise<T> {
  const file = fileOf(kube, terraform);
  const targets = (await terraform.planned()).flatMap(({ address, type, values, isNew }): Planned[] => {
    const target = targetOf(address, type, values);
    return target ? [{ ...target, isNew }] : [];
  });
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, JSON.stringify({ at: new Date().toISOString(), targets } satisfies Intent));
  const heartbeat = setInterval(() => fs.utimes(file, new Date(), new Date(), () => undefined), ALIVE_MS);
  try {
    const result = await apply();
    fs.rmSync(file, { force: true });
    return result;
  } catch (error) {
    if (savedItsState(error)) fs.rmSync(file, { force: true });
    throw error;
  } finally {
    clearInterval(heartbeat);
  }
}

/**
 * Adopts the objects of a layer that an interrupted run left behind; returns their number, or undefined if no run was
 * interrupted.
 */
export async function adoptOrphans(
  kube: Kube,
  terraform: Terraform,
  onProgress?: (text: string) => void,
): Promise<number | undefined> {
  const file = fileOf(kube, terraform);
  if (!fs.existsSync(file)) return undefined;
  const lastSeen = fs.statSync(file).mtimeMs;
  let intent: Intent;
  try {
    intent = JSON.parse(fs.readFileSync(file, "utf8")) as Intent;
  } catch {
    // the run was killed while it was writing this file, so before the apply
    fs.rmSync(file, { force: true });
    return undefined;
  }
  // the run's Terraform may still be running; a plan waits for the lock that it holds
  onProgress?.("waiting for the interrupted run to end");
  await terraform.plan({ destroy: true });
  const since = Date.parse(intent.at) - CLOCKS_MS;
  const until = lastSeen + CLOCKS_MS;
  const createdDuringRun = (o: KubeObject): boolean => {
    const created = Date.parse(o.metadata.creationTimestamp ?? "");
    return created >= since && created <= until;
  };
  const inState = new Set(await terraform.resources());
  let adopted = 0;
  for (const target of intent.targets) {
    onProgress?.(`looking for objects of the interrupted run: ${target.name}`);
    if (target.type === "helm_release") adopted += await unlockRelease(kube, target, createdDuringRun);
    else if (target.isNew && !inState.has(target.address)) {
      const object = await kube.get(kindOf(target), target.name, target.namespace);
      if (!object || !createdDuringRun(object)) continue;
      if (!isOurs(object)) continue;
      if (target.type.startsWith("kubernetes_secret")) await removeUnused(kube, target);
      else await terraform.import(target.address, idOf(target));
      adopted++;
    }
  }
  fs.rmSync(file, { force: true });
  return adopted;
}

/**
 * Helm refuses to change a release whose install or upgrade is pending. Deleting the record of that attempt lets Helm
 * continue with the existing objects. Helm itself handles a finished release (`upgradeInstall`).
 */
async function unlockRelease(
  kube: Kube,
  { name, namespace = "default" }: Target,
  createdDuringRun: (object: KubeObject) => boolean,
): Promise<number> {
  const secrets = await kube.list("secrets", "-n", namespace, "-l", `owner=helm,name=${name}`);
  const left = secrets
    .filter((s) => createdDuringRun(s) && s.metadata.labels?.["status"]?.startsWith("pending-"))
    .map((s) => s.metadata.name);
  if (left.length) await kube.raw(["-n", namespace, "delete", "secrets", ...left, "--ignore-not-found"]);
  return left.length ? 1 : 0;
}

/** Deletes a new Secret, so that the apply recreates it: an import would read its values into the state. */
async function removeUnused(kube: Kube, { name, namespace }: Target): Promise<void> {
  const place = namespace ? ["-n", namespace] : [];
  const pods = await kube.list("pods", ...place);
  const users = pods.filter((pod) => JSON.stringify(pod.spec ?? {}).includes(`"secretName":"${name}"`));
  if (users.length)
    throw new Failure(
      `Secret ${name} is in use by ${users.map((p) => p.metadata.name).join(", ")} but not in any state. An interrupted run cannot have left it.`,
      "Restore the state that contains it. Or, to start again with new passwords, delete the Secret and these pods' workloads.",
    );
  await kube.raw([...place, "delete", "secret", name, "--ignore-not-found"]);
}
