/** KEDA's objects, which a layer deploys as Helm releases. */
import { resources, type Json, type Synthesized } from "./layers";

export const releases = (layers: Partial<Synthesized>): Json[] => resources(layers, "helm_release").map((r) => r.body);

export const scaledObjects = (layers: Partial<Synthesized>) =>
  releases(layers)
    .filter((r) => (r["name"] as string).startsWith("autoscaler-"))
    .map((r) => ({ release: r, values: JSON.parse(r["values"][0] as string) as Json }));
