/** Default StorageClasses and IngressClasses. */
import type { KubeObject } from "./kube-object";

/**
 * The classes with an annotation that makes them a default. Kubernetes uses the first of this list: the newest, or the
 * first by name of those that are equally old.
 */
export const defaultClasses = <T extends KubeObject>(classes: readonly T[], ...annotations: string[]): readonly T[] =>
  classes
    .filter(({ metadata }) => annotations.some((key) => metadata.annotations?.[key] === "true"))
    .sort(
      (a, b) =>
        Date.parse(b.metadata.creationTimestamp ?? "") - Date.parse(a.metadata.creationTimestamp ?? "") ||
        (a.metadata.name < b.metadata.name ? -1 : 1),
    );

/** Text that names the other default classes, and the key that chooses between them; empty if there are none. */
export const amongOthers = (others: readonly KubeObject[], key: string): string =>
  others.length
    ? ` (the newest default class; others are ${others.map((c) => c.metadata.name).join(", ")}: ${key} chooses one)`
    : "";
