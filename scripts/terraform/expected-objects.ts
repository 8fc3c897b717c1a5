/** The objects that the synthesized layers describe, without Terraform and without a state. */
import { LAYERS, type LayerName } from "../../stacks/outputs";
import type { Attributes, StateFile } from "./adopted-state";
import { targetOf, type Target } from "./cluster-object";
import { resolve, type Stack } from "./render-manifests";

export type Stacks = Readonly<Record<string, Stack>>;
type Json = Parameters<typeof resolve>[0];
type Tree = { [key: string]: Json };

/** Values that a deployment reads from the cluster. */
export interface Known {
  /** Images, by the name of the output that contains them. */
  readonly images: Readonly<Record<string, string>>;
  /** Addresses of Services, by their names. */
  readonly addresses: Readonly<Record<string, string>>;
}
export const NOTHING_KNOWN: Known = { images: {}, addresses: {} };

export interface ExpectedObject extends Target {
  readonly layer: LayerName;
  /** The object's arguments; undefined if they contain a value that is known only after an apply. */
  readonly body?: Attributes;
}

/** Placeholder that `resolve` writes for a Service's address. */
const ADDRESS_OF = /CLUSTER-IP-OF-([a-z0-9-]+)/g;

/** Replaces Terraform's expressions; undefined if one of them is only known after an apply. */
function resolved(value: Json, layer: LayerName, stacks: Stacks, { images, addresses }: Known): Json | undefined {
  try {
    const text = JSON.stringify(resolve(value, stacks[layer]!, stacks, { images }));
    return JSON.parse(text.replaceAll(ADDRESS_OF, (all, name: string) => addresses[name] ?? all)) as Json;
  } catch {
    return undefined;
  }
}

/** Arguments that are not needed to find an object, or, like passwords, must not be read. */
const SKIPPED = new Set(["//", "data_wo", "depends_on", "lifecycle", "count"]);
/** The arguments needed for other resources; all others are read from the cluster. */
const OF_TYPED = /^(metadata|timeouts|wait_.*|data_wo_revision)$/;

function bodyOf(type: string, body: Tree): Tree {
  const isWhole = type === "helm_release" || type === "kubernetes_manifest";
  const entries = Object.entries(body).filter(([key]) => !SKIPPED.has(key) && (isWhole || OF_TYPED.test(key)));
  return Object.fromEntries(entries);
}

const namesOf = ({ name, namespace }: Tree): Tree => ({ name: name!, ...(namespace ? { namespace } : {}) });

/** The part of a resource that names its object. */
function nameOf(type: string, body: Tree): Tree {
  if (type === "helm_release") return namesOf(body);
  if (type !== "kubernetes_manifest") return { metadata: [namesOf(body["metadata"] as Tree)] };
  const { apiVersion, kind, metadata } = body["manifest"] as Tree;
  return { manifest: { apiVersion: apiVersion!, kind: kind!, metadata: namesOf(metadata as Tree) } };
}

/** The objects and Helm releases of a layer. */
export function expectedObjects(layer: LayerName, stacks: Stacks, known: Known): ExpectedObject[] {
  return Object.entries(stacks[layer]?.resource ?? {}).flatMap(([type, resources]) =>
    Object.entries(resources).flatMap(([id, given]): ExpectedObject[] => {
      if (type !== "helm_release" && !type.startsWith("kubernetes_")) return [];
      const names = resolved(nameOf(type, given), layer, stacks, known) as Attributes | undefined;
      const target = names && targetOf(`${type}.${id}`, type, names);
      if (!target) throw new Error(`layer ${layer}: ${type}.${id} has no name before an apply`);
      const body = resolved(bodyOf(type, given), layer, stacks, known) as Attributes | undefined;
      return [{ layer, ...target, ...(body ? { body } : {}) }];
    }),
  );
}

/** The layer's outputs, as stored in its state, except those that are known only after an apply. */
export function expectedOutputs(layer: LayerName, stacks: Stacks, known: Known): StateFile["outputs"] {
  const outputs = Object.entries(stacks[layer]?.output ?? {}).flatMap(([name, { value: given }]) => {
    const value = layer === "images" && known.images[name] ? known.images[name] : resolved(given, layer, stacks, known);
    return value === undefined ? [] : [[name, { value, type: typeof value }] as const];
  });
  return Object.fromEntries(outputs);
}

/** Namespaces and Helm releases outside the application's namespace, such as `release kube-system/metrics-server`. */
export const outsideOf = (app: string, stacks: Stacks): string[] =>
  LAYERS.flatMap((layer) => expectedObjects(layer, stacks, NOTHING_KNOWN)).flatMap(({ type, name, namespace }) => {
    if (type === "helm_release" && namespace !== app) return [`release ${namespace}/${name}`];
    return type === "kubernetes_namespace_v1" && name !== app ? [`namespace ${name}`] : [];
  });
