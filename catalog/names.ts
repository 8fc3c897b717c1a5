/** Names and labels that other tools may rely on, as documented in the README. */
import type { ComponentOrJob } from "./workloads";

export const PART_OF = "iacproject";

/** Name of the kube-prometheus-stack release, and prefix of its Services' names. */
export const STACK_RELEASE = "kube-prometheus-stack";
/** Secret with Grafana's login. */
export const GRAFANA_SECRET = "grafana-admin";

/** Lease whose holder decides for the fast scaler, and its annotation with what it recommends. */
export const SCALER_LEASE = "scaler";
export const SCALER_VIEW = "iacproject/recommended";

/** User and group of the official Redis image. */
export const REDIS_USER = 999;
/** PersistentVolumeClaim of the scheduled backups. */
export const BACKUPS_CLAIM = "redis-backups";

/** Labels that select a component's pods; selectors are immutable, so these never change. */
export const selectorLabels = (component: ComponentOrJob): Record<string, string> => ({
  "app.kubernetes.io/name": component,
  "app.kubernetes.io/part-of": PART_OF,
});

/** Labels of every object of a component. */
export const labels = (component: ComponentOrJob): Record<string, string> => ({
  ...selectorLabels(component),
  "app.kubernetes.io/managed-by": "terraform",
});

/** Labels for objects that belong to the project as a whole. */
export const projectLabels: Record<string, string> = {
  "app.kubernetes.io/part-of": PART_OF,
  "app.kubernetes.io/managed-by": "terraform",
};

/** Name of the Secret that holds a layer's state, which Terraform's backend `kubernetes` derives from the suffix. */
export const stateSecret = (prefix: string, layer: string): string => `tfstate-default-${prefix}-${layer}`;
