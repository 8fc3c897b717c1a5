/**
 * Detects a changed `state.backend` whose states were not migrated. Terraform would start with an empty state and try
 * to create everything again, so a command stops if another backend holds a state of this deployment.
 */
import * as fs from "node:fs";
import { gunzipSync } from "node:zlib";
import { stateSecret } from "../../catalog/names";
import type { Config } from "../../config";
import { statePath } from "../../stacks/layer";
import type { LayerName } from "../../stacks/outputs";
import type { Kube } from "../cluster/kubectl";
import { Failure } from "../terminal/ui";
import { checkCluster } from "./state-cluster";

interface State {
  readonly resources?: readonly unknown[];
  readonly outputs?: Readonly<Record<string, { readonly value: unknown }>>;
}

/**
 * The namespace of the deployment that a layer's state belongs to; undefined if the state is empty or names no
 * namespace.
 */
function namespaceOf(text: string | undefined): string | undefined {
  if (!text) return undefined;
  try {
    const { resources = [], outputs } = JSON.parse(text) as State;
    const namespace = outputs?.["namespace"]?.value;
    return resources.length && typeof namespace === "string" ? namespace : undefined;
  } catch {
    return undefined;
  }
}
const isOf = (namespace: string, text: string | undefined): boolean => namespaceOf(text) === namespace;

/** The layer whose outputs name the namespace. */
const IDENTIFYING_LAYER: LayerName = "data";

function inFiles(config: Config): string | undefined {
  const file = statePath(config, IDENTIFYING_LAYER);
  return fs.existsSync(file) ? fs.readFileSync(file, "utf8") : undefined;
}

async function inCluster(kube: Kube): Promise<string | undefined> {
  const { namespace, prefix } = kube.config.state;
  const secret = await kube.get("secret", stateSecret(prefix, IDENTIFYING_LAYER), namespace);
  const data = secret?.data?.["tfstate"];
  return data === undefined ? undefined : gunzipSync(Buffer.from(data, "base64")).toString();
}

/**
 * @throws Failure with the command that migrates the states, or a Failure if the states belong to a system in another
 * namespace or on another cluster, which a deployment would replace
 */
export async function checkStateIsHere(kube: Kube): Promise<void> {
  const { config } = kube;
  const { backend } = config.state;
  const namespace = config.namespaces.app;
  const elsewhere = async (): Promise<"local" | "kubernetes" | undefined> => {
    if (backend !== "local") return isOf(namespace, inFiles(config)) ? "local" : undefined;
    if (isOf(namespace, inFiles(config))) return undefined;
    return isOf(namespace, await inCluster(kube).catch(() => undefined)) ? "kubernetes" : undefined;
  };
  const from = await elsewhere();
  if (!from) {
    await checkNamespace(kube);
    return checkCluster(kube, (await hasState(kube)) ?? false);
  }
  throw new Failure(
    `state.backend is ${backend}, but the deployment in ${namespace} has its states in ${from === "local" ? config.state.dir : "the cluster"}.`,
    `Migrate them: npm run state -- --from ${from}. Or set state.backend: ${from}. If they belong to another cluster, set another state.dir or state.prefix.`,
  );
}

/** @throws Failure if the configured backend has the states of a system in another namespace */
async function checkNamespace(kube: Kube): Promise<void> {
  const { state, namespaces } = kube.config;
  if (state.backend === "s3") return;
  const isLocal = state.backend === "local";
  const other = namespaceOf(isLocal ? inFiles(kube.config) : await inCluster(kube));
  if (other === undefined || other === namespaces.app) return;
  const place = isLocal ? state.dir : `Secrets ${stateSecret(state.prefix, "…")} in namespace ${state.namespace}`;
  throw new Failure(
    `The states in ${place} contain the system in namespace ${other}, but namespaces.app is ${namespaces.app}: a deployment would delete that system and create a new one.`,
    `For a separate system, also set ${isLocal ? "state.dir" : "state.prefix"} to another name. To continue with the system in ${other}, set namespaces.app: ${other}.`,
  );
}

/**
 * Whether the configured backend holds a state of this deployment, in any namespace; undefined if only Terraform can
 * determine it, as with S3.
 */
export async function hasState(kube: Kube): Promise<boolean | undefined> {
  const { backend } = kube.config.state;
  if (backend === "s3") return undefined;
  const text = backend === "local" ? inFiles(kube.config) : await inCluster(kube);
  if (!text) return false;
  try {
    return ((JSON.parse(text) as State).resources?.length ?? 0) > 0;
  } catch {
    // Terraform reports what is wrong with it
    return true;
  }
}
