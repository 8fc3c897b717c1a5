/** Finds the nodes that accept our pods. */
import type { Config } from "../../config";
import { GROUP_SIZE } from "../../catalog/workloads";
import type { Kube, KubeObject } from "../cluster/kubectl";
import { whyUnusable } from "../cluster/usable-node";
import { Failure } from "../terminal/ui";

const infoOf = (node: KubeObject) =>
  (node.status?.nodeInfo ?? {}) as { readonly operatingSystem?: string; readonly architecture?: string };

const named = (nodes: readonly KubeObject[]): string => nodes.map((node) => node.metadata.name).join(", ");

/** Checks that enough nodes accept our pods. @throws Failure with the reason for each node that does not */
export async function checkNodes(config: Config, kube: Kube): Promise<string> {
  const nodes = await kube.visible("nodes");
  if (kube.forbidden.has("nodes")) return "unknown: this user may not list nodes";
  if (!nodes.length) return "none yet: the cluster must add nodes when pods are pending";
  const usable = nodes.filter((node) => whyUnusable(node) === undefined);
  const ha = config.redis.durability === "ha";
  const needed = ha ? GROUP_SIZE : 1;
  const others = nodes.filter((node) => whyUnusable(node) !== undefined);
  const why = others.map((node) => `${node.metadata.name} (${whyUnusable(node)})`).join(", ");
  const found = `${usable.length} of ${nodes.length} can run our pods`;
  if (usable.length < needed) {
    throw new Failure(
      `${found}${ha ? `, but redis.durability: ha needs ${GROUP_SIZE}, one for each copy` : ""}${why && `: ${why}`}.`,
      `Add nodes, or make these available: kubectl uncordon NODE, kubectl taint node NODE KEY-.${ha ? " Or set redis.durability: safe." : ""}`,
    );
  }
  const windows = usable.filter((node) => infoOf(node).operatingSystem === "windows");
  if (windows.length) {
    throw new Failure(
      `Our pods run only on Linux, but the scheduler may also place them on Windows nodes: ${named(windows)}.`,
      "Taint these nodes: kubectl taint node -l kubernetes.io/os=windows os=windows:NoSchedule",
    );
  }
  const kinds = [...new Set(usable.map((node) => infoOf(node).architecture ?? "unknown architecture"))];
  return `${found} (${kinds.join(", ")})${why && `; not ${why}`}`;
}
