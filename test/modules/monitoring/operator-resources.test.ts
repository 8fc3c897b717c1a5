import { resources, synthesize } from "../../helpers/layers";

describe("monitors and rules for an existing Prometheus operator", () => {
  const written = (over: object) => {
    const layers = synthesize({ observability: "existing", ...over });
    const releases = resources(layers, "helm_release")
      .filter(({ body }) => String(body["chart"]).endsWith("charts/object"))
      .map(({ body }) => ({
        release: body["name"] as string,
        object: (JSON.parse(body["values"][0] as string) as { object: { kind: string; metadata: { name: string } } })
          .object,
      }));
    return { releases, manifests: resources(layers, "kubernetes_manifest").map(({ body }) => body["manifest"]) };
  };
  const MONITORING = ["ServiceMonitor", "PrometheusRule"];

  it("are applied like every other object, by server-side apply or as Helm releases, which need no access to CRDs", () => {
    const applied = written({}).manifests.filter(({ kind }) => MONITORING.includes(kind as string));
    const { releases, manifests } = written({ workloads: "helm" });
    expect(manifests).toEqual([]);
    const released = releases.filter(({ object }) => MONITORING.includes(object.kind));
    expect(released.map(({ object }) => `${object.kind} ${object.metadata.name}`).sort()).toEqual(
      applied.map(({ kind, metadata }) => `${kind} ${metadata.name}`).sort(),
    );
    expect(released.length).toBeGreaterThan(3);
  });
  it("are releases with their own names, because a workload of the same name is a release too", () => {
    const names = written({ workloads: "helm" }).releases.map(({ release }) => release);
    expect(names).toEqual([...new Set(names)]);
    // Helm's limit
    for (const name of names) expect(name.length).toBeLessThanOrEqual(53);
  });
});
