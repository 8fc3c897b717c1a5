/** Default StorageClasses and IngressClasses. */
import type { KubeObject } from "./kube-object";

/**
 * The classes that an annotation makes the default, as Kubernetes orders them: it uses the newest, or the first by name
 * of equally old ones.
 */
export const defaultClasses = <T extends KubeObject>(classes: readonly T[], ...annotations: string[]): readonly T[] =>
  classes
    .filter(({ metadata }) => annotations.some((key) => metadata.annotations?.[key] === "true"))
    .sort(
      (a, b) =>
        Date.parse(b.metadata.creationTimestamp ?? "") - Date.parse(a.metadata.creationTimestamp ?? "") ||
        (a.metadata.name < b.metadata.name ? -1 : 1),
    );

/** Says that a class was chosen among several defaults, and the key that chooses another; empty if it is the only one. */
export const amongOthers = (others: readonly KubeObject[], key: string): string =>
  others.length
    ? ` (the newest default class; others are ${others.map((c) => c.metadata.name).join(", ")}: ${key} chooses one)`
    : "";
