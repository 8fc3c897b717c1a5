/** Finds the cluster that a command may use, and prompts the user if the configuration does not name one. */
import type { Config } from "../../config";
import { Kube, NO_CONTEXT } from "./kubectl";
import { confirm, Failure, isInteractive, say } from "../terminal/ui";

export interface ClusterOptions {
  /** The action, for the prompt: "Deploy to", "Remove the whole deployment from". */
  readonly action: string;
  /** Do not ask. */
  readonly yes: boolean;
}

/** The configured cluster; prints its name. @throws Failure if it is unreachable or the user declines */
export async function chooseCluster(config: Config, options: ClusterOptions): Promise<Kube> {
  const kube = new Kube(config);
  const name = await kube.describe();
  if (!config.clusterIsNamed && !options.yes) {
    if (!isInteractive()) {
      throw new Failure(
        `The configuration names no cluster. The current context is ${name}.`,
        "Set cluster.context in config.yaml, IAC_CLUSTER_CONTEXT or KUBECONFIG. Or add --yes to use the current context.",
      );
    }
    if (!(await confirm(`The configuration names no cluster. ${options.action} the current context ${name}?`))) {
      throw new Failure("Nothing was changed.");
    }
  }
  const version = await kube.ping();
  say(`Cluster: ${name}, Kubernetes ${version}`);
  return kube;
}

/** Whether the configuration names a cluster, or the kubeconfig has a current context. */
export async function hasCluster(config: Config): Promise<boolean> {
  if (config.clusterIsNamed) return true;
  return !(await new Kube(config).describe()).startsWith(NO_CONTEXT);
}
