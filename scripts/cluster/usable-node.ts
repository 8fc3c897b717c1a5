/** Determines whether our pods can run on a node. Our pods tolerate only the taints of failed nodes. */
import { isReady, type KubeObject } from "./kube-object";

interface Taint {
  readonly key: string;
  readonly value?: string;
  readonly effect: string;
}

const taintsOf = (node: KubeObject): readonly Taint[] =>
  ((node.spec?.["taints"] ?? []) as Taint[]).filter(({ effect }) => effect !== "PreferNoSchedule");

const textOf = ({ key, value, effect }: Taint): string => `${key}${value ? `=${value}` : ""}:${effect}`;

/** Why none of our pods can run on a node; undefined if they can. */
export function whyUnusable(node: KubeObject): string | undefined {
  if (!isReady(node)) return "not Ready";
  if (node.spec?.unschedulable) return "cordoned";
  const taints = taintsOf(node);
  return taints.length ? `taint ${taints.map(textOf).join(", ")}` : undefined;
}
