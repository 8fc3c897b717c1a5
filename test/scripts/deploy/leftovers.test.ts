import { SCALER_LEASE, SCALER_VIEW } from "../../../catalog/names";
import { Kube } from "../../../scripts/cluster/kubectl";
import { findLeftovers, removeLeftovers } from "../../../scripts/deploy/leftovers";
import { testConfig } from "../../helpers/layers";
import { recorder } from "../../helpers/recorder";

describe("leftovers", () => {
  const list = (...items: object[]) => JSON.stringify({ kind: "List", items });
  const crd = (name: string, partOf = "iacproject") => ({
    kind: "CustomResourceDefinition",
    metadata: { name: `${name}.monitoring.coreos.com`, labels: { "app.kubernetes.io/part-of": partOf } },
  });
  it("leftovers include the project's CRDs and the kubelets' Service, but no CRD that other objects use", async () => {
    const { run, commands } = recorder([
      [/get crd /, list(crd("prometheuses"), crd("servicemonitors"), crd("probes", "theirs"))],
      [
        /get \S*servicemonitors\.monitoring/,
        list({ kind: "ServiceMonitor", metadata: { name: "theirs", namespace: "other" } }),
      ],
      [
        /get service kube-prometheus-stack-kubelet -n kube-system|-n kube-system get service kube-prometheus-stack-kubelet/,
        JSON.stringify({ kind: "Service", metadata: { name: "kube-prometheus-stack-kubelet" } }),
      ],
    ]);
    const removal = await removeLeftovers(new Kube(testConfig(), run));
    expect(removal.removed).toEqual([
      "service kube-prometheus-stack-kubelet",
      "crd prometheuses.monitoring.coreos.com",
    ]);
    expect(removal.kept).toEqual([
      expect.stringMatching(/1 CRDs .*: kubectl delete crd probes\.monitoring\.coreos\.com$/),
      expect.stringContaining("other/theirs"),
    ]);
    expect(commands.filter((c) => c.includes(" delete "))).toHaveLength(2);
  });
  it("leftovers do not include a running operator or an existing Prometheus", async () => {
    const running = recorder([[/get deployments -A/, list({ kind: "Deployment", metadata: { name: "operator" } })]]);
    expect(await removeLeftovers(new Kube(testConfig(), running.run))).toEqual({ removed: [], kept: [] });
    const existing = recorder([[/get crd/, list(crd("prometheuses"))]]);
    expect(await removeLeftovers(new Kube(testConfig({ observability: "existing" }), existing.run))).toEqual({
      removed: [],
      kept: [],
    });
    expect([...running.commands, ...existing.commands].filter((c) => c.includes(" delete "))).toEqual([]);
  });
  it("leftovers include the volume claims if the namespace is kept", async () => {
    const config = testConfig({ namespaces: { create: false } });
    const { run } = recorder([
      [/get pvc/, list({ kind: "PersistentVolumeClaim", metadata: { name: "data-redis-main-0" } })],
    ]);
    expect((await removeLeftovers(new Kube(config, run))).removed).toEqual(["pvc data-redis-main-0"]);
  });
  it("leftovers do not include volumes of others in a namespace that existed before", async () => {
    const config = testConfig({ namespaces: { create: false } });
    const volume = (name: string, namespace = "iacproject") => ({
      kind: "PersistentVolume",
      metadata: { name: `of-${name}` },
      spec: { claimRef: { namespace, name } },
    });
    const ours = "prometheus-kube-prometheus-stack-prometheus-db-0";
    const claims = [
      volume("data-redis-main-1"),
      volume("theirs"),
      volume(ours, "monitoring"),
      volume("x", "monitoring"),
    ];
    const { run } = recorder([[/get pv /, list(...claims)]]);
    expect(await findLeftovers(new Kube(config, run))).toEqual([
      "PersistentVolume of-data-redis-main-1",
      `PersistentVolume of-${ours}`,
    ]);
  });
  it("leftovers include the fast scaler's Lease if the namespace is kept, but no other Lease of that name", async () => {
    const removed = (annotations: object) =>
      removeLeftovers(
        new Kube(
          testConfig({ namespaces: { create: false } }),
          recorder([
            [/get lease scaler/, JSON.stringify({ kind: "Lease", metadata: { name: SCALER_LEASE, annotations } })],
          ]).run,
        ),
      ).then((removal) => removal.removed);
    expect(await removed({ [SCALER_VIEW]: "{}" })).toEqual(["lease scaler"]);
    expect(await removed({})).toEqual([]);
  });
  it("leftovers are found among namespaces, volumes, cluster roles, the API service and releases", async () => {
    const helm = {
      "meta.helm.sh/release-name": "kube-prometheus-stack",
      "meta.helm.sh/release-namespace": "monitoring",
    };
    const { run } = recorder([
      [/get namespace iacproject/, JSON.stringify({ kind: "Namespace", metadata: { name: "iacproject" } })],
      [
        /get pv/,
        list(
          { kind: "PersistentVolume", metadata: { name: "pv-1" }, spec: { claimRef: { namespace: "iacproject" } } },
          { kind: "PersistentVolume", metadata: { name: "theirs" }, spec: {} },
        ),
      ],
      [
        /get clusterroles,/,
        list(
          { kind: "ClusterRole", metadata: { name: "prom", annotations: helm } },
          { kind: "ClusterRole", metadata: { name: "theirs" } },
        ),
      ],
      [
        /get secrets -n kube-system/,
        list({
          kind: "Secret",
          metadata: { name: "sh.helm.release.v1.metrics-server.v1", labels: { name: "metrics-server" } },
        }),
      ],
    ]);
    expect(await findLeftovers(new Kube(testConfig(), run))).toEqual([
      "Namespace iacproject",
      "PersistentVolume pv-1",
      "ClusterRole prom",
      "Secret sh.helm.release.v1.metrics-server.v1",
    ]);
  });
  it("are not found in a clean cluster", async () => {
    expect(await findLeftovers(new Kube(testConfig(), recorder().run))).toEqual([]);
  });
});
