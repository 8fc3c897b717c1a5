/**
 * A ConfigMap that describes a deployment, for users who have access to its cluster but not to its checkout. It
 * contains no secrets. Commands only compare their settings with the record and never take settings from it.
 */
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { projectLabels, stateSecret } from "../../catalog/names";
import { PROJECT_ROOT } from "../../catalog/paths";
import { configKeys, parseConfig, type Config } from "../../config";
import type { Kube } from "../cluster/kubectl";
import type { Stack } from "../terraform/render-manifests";
import { outsideOf } from "../terraform/expected-objects";
import { run as realRun, RunError, type Run } from "../terminal/run-program";
import { say, yellow } from "../terminal/ui";

/** Name of the ConfigMap, in the application's namespace. */
export const DEPLOYMENT_RECORD = "iacproject-deployment";

/** The ConfigMap's data. */
export interface DeploymentRecord {
  /** User and machine of the last `up`. */
  readonly deployedBy: string;
  /** Time of the last `up`, UTC. */
  readonly deployedAt: string;
  /** Version of the project, with the commit if it is known. */
  readonly version: string;
  /** Folder of the checkout on that machine. */
  readonly checkout: string;
  /** `state.backend`. */
  readonly backend: string;
  /** Location of the states: a folder, Secrets, or a bucket. */
  readonly states: string;
  /**
   * Settings that another checkout needs to find the states, as lines of config.yaml; empty if the states are files.
   */
  readonly settings: string;
  /** Settings that differ from the defaults, one per line, without text that could be secret. */
  readonly configuration: string;
  /** Namespaces and Helm releases of the system outside the application's namespace, one per line. */
  readonly outside: string;
}

/** Location of a configuration's states, and the settings that select this location. */
export function placeOfStates({ state }: Pick<Config, "state">): Pick<DeploymentRecord, "states" | "settings"> {
  const { backend, prefix } = state;
  const settings = (keys: object) =>
    Object.entries({ backend, ...keys, prefix })
      .map(([key, value]) => `state.${key}: ${value}`)
      .join(", ");
  if (backend === "kubernetes")
    return {
      states: `Secrets ${stateSecret(prefix, "…")} in namespace ${state.namespace}`,
      settings: settings({ namespace: state.namespace }),
    };
  if (backend === "s3")
    return {
      states: `s3://${state.bucket}/${prefix}`,
      settings: settings({ bucket: state.bucket, region: state.region }),
    };
  return { states: path.resolve(PROJECT_ROOT, state.dir), settings: "" };
}

/**
 * Text settings that are never secret. Numbers, switches, choices and quantities need no entry, because they are never
 * secret.
 */
const NAMES = /^(namespaces\.|redis\.tls\.secret$|redis\.backup\.schedule$)/;
const QUANTITY = /^\d+(\.\d+)?[a-zA-Z]{0,2}$/;
/** Settings that belong to a machine, not to the system. */
const OF_A_MACHINE = /^(cluster|state|charts|terraform|registry)(\.|$)/;

/** The settings that differ from the defaults, each as `redis.durability: ha`. */
export function ownSettings(config: Config): string[] {
  const defaults = parseConfig({}, { home: "/", kubeconfigEnv: undefined });
  return configKeys().flatMap(({ path: key, choices }) => {
    const [value, usual] = [config, defaults].map((from) =>
      key.split(".").reduce<unknown>((at, part) => (at as Record<string, unknown> | null | undefined)?.[part], from),
    );
    const isPublic =
      choices !== undefined || typeof value !== "string" ? typeof value !== "object" : QUANTITY.test(value);
    if (OF_A_MACHINE.test(key) || value === undefined || value === usual) return [];
    return isPublic || NAMES.test(key) ? [`${key}: ${String(value)}`] : [];
  });
}

async function version(run: Run): Promise<string> {
  const file = fs.readFileSync(path.join(PROJECT_ROOT, "package.json"), "utf8");
  const { version: number } = JSON.parse(file) as { version: string };
  try {
    const { stdout } = await run("git", ["rev-parse", "--short", "HEAD"], { cwd: PROJECT_ROOT, timeoutMs: 10_000 });
    return `${number} (${stdout.trim()})`;
  } catch {
    // no git, or a download without history
    return number;
  }
}

export interface RecordOptions {
  /**
   * Fields that describe the deployed system, if this checkout has only adopted it.
   * @default values from this checkout
   */
  readonly deployed?: Partial<DeploymentRecord>;
  readonly run?: Run;
}

/** Writes the record; returns the reason if the cluster refuses it, which does not affect the deployment. */
export async function writeRecord(
  kube: Kube,
  stacks: Readonly<Record<string, Stack>>,
  { deployed = {}, run = realRun }: RecordOptions = {},
): Promise<string | undefined> {
  const { config } = kube;
  const data: DeploymentRecord = {
    deployedBy: `${os.userInfo().username}@${os.hostname()}`,
    deployedAt: `${new Date().toISOString().slice(0, 16).replace("T", " ")} UTC`,
    version: deployed.version ?? (await version(run)),
    checkout: PROJECT_ROOT,
    backend: config.state.backend,
    ...placeOfStates(config),
    configuration: deployed.configuration ?? ownSettings(config).join("\n"),
    outside: deployed.outside ?? outsideOf(config.namespaces.app, stacks).join("\n"),
  };
  const object = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: DEPLOYMENT_RECORD, namespace: config.namespaces.app, labels: projectLabels },
    data,
  };
  try {
    await kube.raw(["apply", "--server-side", "--field-manager=iacproject", "--force-conflicts", "-f", "-"], {
      input: JSON.stringify(object),
    });
    return undefined;
  } catch (error) {
    if (!(error instanceof RunError)) throw error;
    return error.message;
  }
}

/** Warns if {@link writeRecord} failed. */
export function reportUnwritten(reason: string | undefined): void {
  if (reason)
    say(yellow(`! ConfigMap ${DEPLOYMENT_RECORD}, which records this deployment, was not written: ${reason}`));
}

/**
 * The record of the deployment in the configured namespace; undefined if there is none or this user may not read it.
 */
export async function readRecord(kube: Kube): Promise<Partial<DeploymentRecord> | undefined> {
  const [map] = await kube.visible("configmap", DEPLOYMENT_RECORD, "-n", kube.config.namespaces.app);
  return map?.data;
}

/** Who deployed the system, and where its states are. */
export function origin(record: Partial<DeploymentRecord> | undefined): string {
  if (!record?.deployedBy) return "Its namespace has no record of who deployed it.";
  const { deployedBy, deployedAt, version, checkout, states, backend } = record;
  const where = backend === "local" ? `${states} on that machine` : states;
  return `It was deployed by ${deployedBy} from ${checkout} at ${deployedAt}, version ${version}; its states are in ${where}.`;
}
