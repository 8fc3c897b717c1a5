import { resources, synthesize } from "../../helpers/layers";

const all = synthesize({ scaling: { engine: "keda" }, namespaces: { quota: true }, exposure: { type: "ClusterIP" } });
const layers = ["data", "app", "observability"] as const;

interface Patterns {
  readonly ignore_labels: readonly string[];
  readonly ignore_annotations: readonly string[];
}
const patternsOf = (layer: (typeof layers)[number]): Patterns => all[layer]["provider"].kubernetes[0] as Patterns;
/** The provider matches with RE2; these patterns mean the same in JavaScript. */
const isIgnored = (patterns: readonly string[], key: string): boolean =>
  patterns.some((pattern) => new RegExp(pattern).test(key));

const FOREIGN = [
  "cloud.google.com/neg",
  "cloud.google.com/neg-status",
  "field.cattle.io/projectId",
  "lifecycle.cattle.io/create.namespace-auth",
  "argocd.argoproj.io/instance",
  "app.kubernetes.io/instance",
  "app.kubernetes.io/version",
  "app.kubernetes.io/component",
  "kustomize.toolkit.fluxcd.io/name",
  "openshift.io/sa.scc.uid-range",
  "app.openshift.io/runtime",
  "apps.open-cluster-management.io/hosting-subscription",
  "istio-injection",
  "linkerd.io/inject",
  "policies.kyverno.io/last-applied-patches",
  "velero.io/backup-name",
  "team",
  "cost-center",
];

describe("fields that a cluster adds to objects", () => {
  const ignored = (type: string) => resources(all, type).map((r) => r.body["lifecycle"]?.ignore_changes as string[]);

  it("a load balancer class that the cloud sets does not replace any Service", () => {
    const found = ignored("kubernetes_service_v1");
    expect(found.length).toBeGreaterThan(4);
    for (const fields of found) expect(fields).toEqual(["spec[0].load_balancer_class"]);
  });
  it("secrets that OpenShift adds to ServiceAccounts are not part of a plan", () => {
    const found = ignored("kubernetes_service_account_v1");
    expect(found.length).toBeGreaterThan(0);
    for (const fields of found) expect(fields).toEqual(["image_pull_secret", "secret"]);
  });
});

describe("labels and annotations that other tools add", () => {
  it.each(layers)("other tools' labels and annotations are not part of a plan for layer %s", (layer) => {
    const { ignore_annotations: annotations, ignore_labels: labels } = patternsOf(layer);
    expect(FOREIGN.filter((key) => !isIgnored(annotations, key))).toEqual([]);
    expect(FOREIGN.filter((key) => !isIgnored(labels, key))).toEqual([]);
  });
  it("the ignored labels do not include those that an import must keep, so that the next apply does not replace other tools' labels", () => {
    const typed = resources(all).filter((r) => r.type.startsWith("kubernetes_") && r.type !== "kubernetes_manifest");
    expect(typed.length).toBeGreaterThan(20);
    const { ignore_labels: labels } = patternsOf("data");
    for (const { body } of typed) {
      const kept = Object.keys(body["metadata"].labels as object).filter((key) => !isIgnored(labels, key));
      expect(kept).toEqual(expect.arrayContaining(["app.kubernetes.io/part-of", "app.kubernetes.io/managed-by"]));
    }
  });
  it("all annotations are ignored, because by default the project sets none on these objects", () => {
    expect(resources(all).filter((r) => r.body["metadata"]?.annotations !== undefined)).toEqual([]);
  });
});
