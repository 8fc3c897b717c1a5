/** Finds the cluster that a command may touch, and asks where nobody has named it. */
import type { Config } from "../../config";
import { Kube } from "./kubectl";
import { confirm, Failure, isInteractive, say } from "../terminal/ui";

export interface ClusterOptions {
  /** What the command would do, for the question: "deploy to", "destroy everything of ours on". */
  readonly action: string;
  /** Already answered. */
  readonly yes: boolean;
}

/** The configured cluster, reachable and agreed to. Prints which one it is. */
export async function chooseCluster(config: Config, options: ClusterOptions): Promise<Kube> {
  const kube = new Kube(config);
  const name = await kube.describe();
  if (!config.clusterIsNamed && !options.yes) {
    if (!isInteractive()) {
      throw new Failure(
        `Nobody has named the cluster; the current one is ${name}.`,
        "Name it: cluster.context in config.yaml, IAC_CLUSTER_CONTEXT, or KUBECONFIG. Or answer with --yes.",
      );
    }
    if (!(await confirm(`No cluster is named in the configuration. ${options.action} ${name}?`))) {
      throw new Failure("Nothing was changed.");
    }
  }
  const version = await kube.ping();
  say(`Cluster: ${name}, Kubernetes ${version}`);
  return kube;
}

/** Whether there is any cluster to talk about: a kubeconfig with a current context. */
export async function hasCluster(config: Config): Promise<boolean> {
  if (config.clusterIsNamed) return true;
  return !(await new Kube(config).describe()).startsWith("(no context)");
}
