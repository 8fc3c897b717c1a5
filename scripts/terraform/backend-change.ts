/**
 * A backend that was changed without the states: Terraform would know nothing of what it has deployed, and try to make all
 * of it once more. So a state of this deployment that is elsewhere stops a deploy.
 */
import * as fs from "node:fs";
import { gunzipSync } from "node:zlib";
import type { Config } from "../../config";
import { statePath } from "../../stacks/layer";
import { LAYERS } from "../../stacks/outputs";
import type { Kube } from "../cluster/kubectl";
import { Failure } from "../terminal/ui";

interface State {
  readonly resources?: readonly unknown[];
  readonly outputs?: Readonly<Record<string, { readonly value: unknown }>>;
}

/** Whether a layer's state is one of what is deployed into this namespace. */
function isOf(namespace: string, text: string | undefined): boolean {
  if (!text) return false;
  try {
    const state = JSON.parse(text) as State;
    return (state.resources?.length ?? 0) > 0 && state.outputs?.["namespace"]?.value === namespace;
  } catch {
    return false;
  }
}

/** The layer whose outputs name the namespace. */
const TELLS = LAYERS.indexOf("data");

function inFiles(config: Config): string | undefined {
  const file = statePath(config, LAYERS[TELLS]!);
  return fs.existsSync(file) ? fs.readFileSync(file, "utf8") : undefined;
}

async function inCluster(kube: Kube): Promise<string | undefined> {
  const { namespace, prefix } = kube.config.state;
  const secret = await kube
    .get("secret", `tfstate-default-${prefix}-${LAYERS[TELLS]}`, namespace)
    .catch(() => undefined);
  const data = secret?.data?.["tfstate"];
  return data === undefined ? undefined : gunzipSync(Buffer.from(data, "base64")).toString();
}

/** @throws Failure that names the command which brings the states along */
export async function checkStateIsHere(kube: Kube): Promise<void> {
  const { config } = kube;
  const { backend } = config.state;
  const namespace = config.namespaces.app;
  const elsewhere = async (): Promise<"local" | "kubernetes" | undefined> => {
    if (backend !== "local") return isOf(namespace, inFiles(config)) ? "local" : undefined;
    if (isOf(namespace, inFiles(config))) return undefined;
    return isOf(namespace, await inCluster(kube)) ? "kubernetes" : undefined;
  };
  const from = await elsewhere();
  if (!from) return;
  throw new Failure(
    `What is deployed in ${namespace} has its states in ${from === "local" ? config.state.dir : "the cluster"}, and state.backend is ${backend}.`,
    `Bring them along: npm run state -- --from ${from}. Or set state.backend: ${from}; for another cluster than that one, another state.dir or state.prefix.`,
  );
}
