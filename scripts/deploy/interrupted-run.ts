/**
 * What a run made that was ended by force, and could not write down.
 *
 * Terraform writes an object into its state once the cluster has answered. A run that is killed in between leaves an
 * object that the next one would fail on: "already exists". So before each apply a file beside the states tells what
 * it is about to make; it goes when Terraform has ended by itself. Where it is still there, a run was cut off, and
 * objects of its list that came while it lived are taken over. Whatever else exists is somebody else's, and stays an error.
 */
import * as fs from "node:fs";
import * as path from "node:path";
import { PROJECT_ROOT } from "../../catalog/paths";
import { PART_OF } from "../../catalog/names";
import type { Kube, KubeObject } from "../cluster/kubectl";
import type { PlannedResource, Terraform } from "../terraform/terraform";
import { RunError } from "../terminal/run-program";
import { INTERRUPTED } from "../terminal/interrupts";
import { Failure } from "../terminal/ui";

/** The cluster's clock may differ from this machine's by so much; and Terraform may outlive the run by it, ms. */
const CLOCKS_MS = 120_000;
/** How often a run shows that it lives, by the file's time, ms. */
const ALIVE_MS = 5000;

/** An object that an apply makes or changes. */
export interface Target {
  readonly address: string;
  readonly type: string;
  readonly name: string;
  readonly namespace?: string;
  /** Of a `kubernetes_manifest`. */
  readonly apiVersion?: string;
  readonly kind?: string;
  /** Whether the apply makes it anew. */
  readonly isNew: boolean;
}
interface Begun {
  readonly at: string;
  readonly targets: readonly Target[];
}

const fileOf = (kube: Kube, terraform: Terraform): string =>
  path.resolve(PROJECT_ROOT, kube.config.state.dir, "applying", `${terraform.layer}.json`);

type Metadata = { name?: string; namespace?: string };

/** What of a planned resource can be looked for in the cluster; undefined where it is no object of it. */
export function targetOf({ address, type, values, isNew }: PlannedResource): Target | undefined {
  const target = ({ name, namespace }: Metadata, more: Partial<Target> = {}): Target | undefined =>
    name ? { address, type, name, ...(namespace ? { namespace } : {}), ...more, isNew } : undefined;
  if (type === "helm_release") return target(values as Metadata);
  if (!type.startsWith("kubernetes_")) return undefined;
  if (type === "kubernetes_manifest") {
    const manifest = (values["manifest"] ?? {}) as { apiVersion?: string; kind?: string; metadata?: Metadata };
    if (!manifest.apiVersion || !manifest.kind) return undefined;
    return target(manifest.metadata ?? {}, { apiVersion: manifest.apiVersion, kind: manifest.kind });
  }
  return target((values["metadata"] as Metadata[] | undefined)?.[0] ?? {});
}

/** What kubectl calls it: `kubernetes_config_map_v1` is a configmap. */
const kindOf = ({ type, kind, apiVersion }: Target): string => {
  const group = apiVersion?.includes("/") ? apiVersion.split("/")[0] : undefined;
  if (kind) return [kind.toLowerCase(), group].filter(Boolean).join(".");
  return type
    .replace(/^kubernetes_/, "")
    .replace(/_v\d+$/, "")
    .replaceAll("_", "");
};

/** What `terraform import` takes for it. */
const idOf = ({ type, kind, apiVersion, name, namespace }: Target): string =>
  type === "kubernetes_manifest"
    ? [
        `apiVersion=${apiVersion}`,
        `kind=${kind}`,
        ...(namespace ? [`namespace=${namespace}`] : []),
        `name=${name}`,
      ].join(",")
    : [namespace, name].filter(Boolean).join("/");

/** Whether Terraform wrote its state before it failed; it did not where a signal ended it, or may have. */
const endedByItself = (error: unknown): boolean =>
  error instanceof Failure &&
  error.exitCode !== INTERRUPTED &&
  !(error instanceof RunError && error.code === undefined);

/** Runs an apply; while it runs, and after it was killed, a file tells what it was about to do. */
export async function recordIntent<T>(kube: Kube, terraform: Terraform, apply: () => Promise<T>): Promise<T> {
  const file = fileOf(kube, terraform);
  const targets = (await terraform.planned()).flatMap((resource) => targetOf(resource) ?? []);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, JSON.stringify({ at: new Date().toISOString(), targets } satisfies Begun));
  const alive = setInterval(() => fs.utimes(file, new Date(), new Date(), () => undefined), ALIVE_MS);
  try {
    const result = await apply();
    fs.rmSync(file, { force: true });
    return result;
  } catch (error) {
    if (endedByItself(error)) fs.rmSync(file, { force: true });
    throw error;
  } finally {
    clearInterval(alive);
  }
}

/** Takes over what a run that was cut off has left of a layer; returns how many objects, or undefined where none was. */
export async function adoptOrphans(
  kube: Kube,
  terraform: Terraform,
  onProgress?: (text: string) => void,
): Promise<number | undefined> {
  const file = fileOf(kube, terraform);
  if (!fs.existsSync(file)) return undefined;
  const seen = fs.statSync(file).mtimeMs;
  let begun: Begun;
  try {
    begun = JSON.parse(fs.readFileSync(file, "utf8")) as Begun;
  } catch {
    // killed while it wrote this file: it had not begun
    fs.rmSync(file, { force: true });
    return undefined;
  }
  // its Terraform may be alive still, and about to write: whoever plans waits for the lock that it holds
  onProgress?.("whether the run before has ended");
  await terraform.plan({ destroy: true });
  const since = Date.parse(begun.at) - CLOCKS_MS;
  const until = seen + CLOCKS_MS;
  const cameThen = (o: KubeObject): boolean => {
    const created = Date.parse(o.metadata.creationTimestamp ?? "");
    return created >= since && created <= until;
  };
  const known = new Set(await terraform.resources());
  let taken = 0;
  for (const target of begun.targets) {
    onProgress?.(`what a run that was cut off has left: ${target.name}`);
    if (target.type === "helm_release") taken += await freeRelease(kube, target, cameThen);
    else if (target.isNew && !known.has(target.address)) {
      const object = await kube.get(kindOf(target), target.name, target.namespace);
      if (!object || !cameThen(object) || object.metadata.labels?.["app.kubernetes.io/part-of"] !== PART_OF) continue;
      if (target.type.startsWith("kubernetes_secret")) await removeUnused(kube, target);
      else await terraform.import(target.address, idOf(target));
      taken++;
    }
  }
  fs.rmSync(file, { force: true });
  return taken;
}

/**
 * Helm takes a release for one that is still being installed or upgraded, and refuses to touch it: it forgets that
 * attempt, and goes on over its own objects. One that had ended it takes up by itself (`upgradeInstall`).
 */
async function freeRelease(
  kube: Kube,
  { name, namespace = "default" }: Target,
  cameThen: (object: KubeObject) => boolean,
): Promise<number> {
  const secrets = await kube.list("secrets", "-n", namespace, "-l", `owner=helm,name=${name}`);
  const left = secrets
    .filter((s) => cameThen(s) && s.metadata.labels?.["status"]?.startsWith("pending-"))
    .map((s) => s.metadata.name);
  if (left.length) await kube.raw(["-n", namespace, "delete", "secrets", ...left, "--ignore-not-found"]);
  return left.length ? 1 : 0;
}

/** An import would read a Secret's values into the state. It was made a moment ago: it is made again. */
async function removeUnused(kube: Kube, { name, namespace }: Target): Promise<void> {
  const place = namespace ? ["-n", namespace] : [];
  const pods = await kube.list("pods", ...place);
  const users = pods.filter((pod) => JSON.stringify(pod.spec ?? {}).includes(`"secretName":"${name}"`));
  if (users.length)
    throw new Failure(
      `Secret ${name} is in use by ${users.map((p) => p.metadata.name).join(", ")}, and in no state: a run that was cut off cannot have left that.`,
      "Bring the states back that know it; or, to begin anew with new passwords, delete it and these pods' workloads.",
    );
  await kube.raw([...place, "delete", "secret", name, "--ignore-not-found"]);
}
