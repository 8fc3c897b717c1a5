/**
 * What a deployment is, in the cluster: a ConfigMap next to it, for those who have its cluster but not its checkout. It
 * holds no secret, and no setting is read from it.
 */
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { projectLabels } from "../../catalog/names";
import { PROJECT_ROOT } from "../../catalog/paths";
import type { Config } from "../../config";
import type { Kube } from "../cluster/kubectl";
import { run as realRun, RunError, type Run } from "../terminal/run-program";

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
  /** Where the states are: a folder, Secrets, or a bucket. */
  readonly states: string;
  /** Settings, as lines of config.yaml, with which another checkout finds the states; empty if they are files. */
  readonly settings: string;
}

/** Where the states of a configuration are, and the settings that lead there. */
export function placeOfStates({ state }: Pick<Config, "state">): Pick<DeploymentRecord, "states" | "settings"> {
  const { backend, prefix } = state;
  const settings = (keys: object) =>
    Object.entries({ backend, ...keys, prefix })
      .map(([key, value]) => `state.${key}: ${value}`)
      .join(", ");
  if (backend === "kubernetes")
    return {
      states: `Secrets tfstate-default-${prefix}-… in namespace ${state.namespace}`,
      settings: settings({ namespace: state.namespace }),
    };
  if (backend === "s3")
    return {
      states: `s3://${state.bucket}/${prefix}`,
      settings: settings({ bucket: state.bucket, region: state.region }),
    };
  return { states: path.resolve(PROJECT_ROOT, state.dir), settings: "" };
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

/** Writes the record; returns the reason if the cluster refuses it, which does not concern the deployment. */
export async function writeRecord(kube: Kube, run: Run = realRun): Promise<string | undefined> {
  const { config } = kube;
  const data: DeploymentRecord = {
    deployedBy: `${os.userInfo().username}@${os.hostname()}`,
    deployedAt: `${new Date().toISOString().slice(0, 16).replace("T", " ")} UTC`,
    version: await version(run),
    checkout: PROJECT_ROOT,
    backend: config.state.backend,
    ...placeOfStates(config),
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

/** The record of the deployment in the configured namespace; undefined if there is none, or this user may not read it. */
export async function readRecord(kube: Kube): Promise<Partial<DeploymentRecord> | undefined> {
  const [map] = await kube.visible("configmap", DEPLOYMENT_RECORD, "-n", kube.config.namespaces.app);
  return map?.data;
}
