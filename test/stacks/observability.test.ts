import { resources, synthesize, type Json } from "../helpers/layers";

const layer = (over: object = {}) => synthesize(over).observability;

it("installs a single release, with the project's objects in its values and in ConfigMaps", () => {
  const types = new Set(resources({ observability: layer() }).map((r) => r.type));
  expect([...types].sort()).toEqual([
    "helm_release",
    "kubernetes_config_map_v1",
    "kubernetes_namespace_v1",
    "kubernetes_secret_v1",
  ]);
});

it("enforces Pod Security restricted in its namespace, except with node-exporter, which needs privileged", () => {
  const level = (over: object) =>
    resources({ observability: layer(over) }, "kubernetes_namespace_v1")[0]!.body["metadata"].labels[
      "pod-security.kubernetes.io/enforce"
    ] as string;
  expect(level({})).toBe("privileged");
  expect(level({ monitoring: { nodeExporter: false } })).toBe("restricted");
});

it("installs nothing with observability: none", () => {
  expect(resources({ observability: layer({ observability: "none" }) })).toEqual([]);
});

it("adds monitors, rules and dashboards, but no chart, for an existing Prometheus", () => {
  const found = resources({
    observability: layer({ observability: "existing", monitoring: { selectorLabels: { release: "prom" } } }),
  });
  const kinds = found.filter((r) => r.type === "kubernetes_manifest").map((r) => r.body["manifest"]);
  expect(found.some((r) => r.type === "helm_release")).toBe(false);
  expect(new Set(kinds.map((m: Json) => m["kind"]))).toEqual(new Set(["ServiceMonitor", "PrometheusRule"]));
  for (const m of kinds) expect(m.metadata.labels["release"]).toBe("prom");
});
