/** Names, labels and ports that other tools may count on (docs: README, "Names"). */

export const PART_OF = "iacproject";

/** The five workloads, by the value of their `app.kubernetes.io/name` label. */
export const COMPONENTS = ["redis-main", "redis-replica", "redis-exporter", "node", "react"] as const;
export type Component = (typeof COMPONENTS)[number];

/** What runs from time to time, and has pods only then. */
export const JOBS = ["redis-backup"] as const;
/** Anything of ours that has pods. */
export type Part = Component | (typeof JOBS)[number];

/** Name of the workload, its Service and its autoscaler. */
export const WORKLOADS: Readonly<Record<Component, string>> = {
  "redis-main": "redis-main",
  "redis-replica": "redis-replicas",
  "redis-exporter": "redis-exporter",
  node: "node",
  react: "react",
};

/** Names of what is scaled, and of the autoscalers: all but main, which cannot be multiplied. */
export const AUTOSCALED = COMPONENTS.filter((c) => c !== "redis-main").map((c) => WORKLOADS[c]);

/** User and group of the official Redis image. */
export const REDIS_USER = 999;
/** Claim of the volume that scheduled backups lie on. */
export const BACKUPS_CLAIM = "redis-backups";

export const REDIS_PORT = 6379;
export const SENTINEL_PORT = 26379;
export const EXPORTER_PORT = 9121;
/** Ports of the Services; containers may listen elsewhere (`images.*.port`). */
export const NODE_PORT = 3000;
export const REACT_PORT = 8080;

/** Labels that select a component's pods; they never change, since selectors cannot. */
export const selectorLabels = (component: Part): Record<string, string> => ({
  "app.kubernetes.io/name": component,
  "app.kubernetes.io/part-of": PART_OF,
});

/** Labels of every object of a component. */
export const labels = (component: Part): Record<string, string> => ({
  ...selectorLabels(component),
  "app.kubernetes.io/managed-by": "terraform",
});

/** Labels of objects that belong to the project but to no single component. */
export const projectLabels: Record<string, string> = {
  "app.kubernetes.io/part-of": PART_OF,
  "app.kubernetes.io/managed-by": "terraform",
};
