import { Kube } from "../../../scripts/cluster/kubectl";
import { findLeftovers, removeLeftovers } from "../../../scripts/deploy/leftovers";
import { orphans } from "../../../scripts/deploy/orphans";
import { DeletionReport } from "../../../scripts/deploy/terminating";
import { RunError } from "../../../scripts/terminal/run-program";
import { testConfig } from "../../helpers/layers";
import { recorder } from "../../helpers/recorder";

const list = (...items: object[]) => JSON.stringify({ kind: "List", items });
const ofKeda = (kind: string, name: string, namespace = "keda") => ({
  kind,
  metadata: {
    name,
    annotations: { "meta.helm.sh/release-name": "keda", "meta.helm.sh/release-namespace": namespace },
  },
});
const API = ofKeda("APIService", "v1beta1.external.metrics.k8s.io");
const ROLE = ofKeda("ClusterRole", "keda-operator");
const CRD = ofKeda("CustomResourceDefinition", "scaledobjects.keda.sh");
const RECORD = list({ kind: "Secret", metadata: { name: "sh.helm.release.v1.keda.v1", labels: { name: "keda" } } });
/** A cluster with these cluster-wide objects, and Helm's record of the release. */
const cluster = (record: string | RunError, ...objects: object[]) => changingCluster(record, [objects]);
/** The same, with the objects that are there at each look. */
const changingCluster = (record: string | RunError, looks: readonly (readonly object[])[]) =>
  recorder([
    [/get clusterroles,/, ...looks.map((objects) => list(...objects))],
    [/get secrets -n keda/, record],
    [
      /get namespace keda/,
      JSON.stringify({
        kind: "Namespace",
        metadata: { name: "keda", deletionTimestamp: "2026-01-01T00:00:00Z" },
        status: {
          conditions: [
            {
              type: "NamespaceDeletionDiscoveryFailure",
              status: "True",
              message: "stale GroupVersion discovery: external.metrics.k8s.io/v1beta1",
            },
          ],
        },
      }),
    ],
  ]);
const deleted = (commands: readonly string[]) => commands.filter((command) => command.includes(" delete "));

describe("objects of our Helm releases that a killed run left behind", () => {
  it("are found only if Helm has no record of the release, and only those of our releases", async () => {
    const names = async (record: string | RunError) => {
      const { run } = cluster(record, API, ROLE, ofKeda("ClusterRole", "of-another-system", "other"));
      return (await orphans(new Kube(testConfig(), run))).map(({ metadata }) => metadata.name);
    };
    expect(await names(list())).toEqual(["v1beta1.external.metrics.k8s.io", "keda-operator"]);
    expect(await names(RECORD)).toEqual([]);
    expect(await names(new RunError("kubectl", 1, "Error from server (Forbidden)", "failed"))).toEqual([]);
  });

  it("do not include a release of another owner with the same name, whose records are stored elsewhere", async () => {
    const { run, commands } = recorder([
      [/get clusterroles,/, list(API, ROLE)],
      [/get deployments -n keda/, list(ofKeda("Deployment", "keda-operator"))],
    ]);
    const kube = new Kube(testConfig(), run);
    expect(await orphans(kube)).toEqual([]);
    expect(await removeLeftovers(kube)).toEqual({ removed: [], kept: [] });
    expect(await findLeftovers(kube)).toEqual([]);
    expect(deleted(commands)).toEqual([]);
  });

  it("are removed by `down`, except for a CRD that other objects use", async () => {
    const { run, commands } = cluster(list(), API, ROLE, CRD);
    expect((await removeLeftovers(new Kube(testConfig(), run))).removed).toEqual([
      "apiservice v1beta1.external.metrics.k8s.io",
      "clusterrole keda-operator",
      "customresourcedefinition scaledobjects.keda.sh",
    ]);
    expect(deleted(commands)).toHaveLength(3);
    const used = recorder([
      [/get clusterroles,/, list(CRD)],
      [/get scaledobjects\.keda\.sh/, list({ kind: "ScaledObject", metadata: { name: "theirs" } })],
    ]);
    expect(await removeLeftovers(new Kube(testConfig(), used.run))).toMatchObject({
      removed: [],
      kept: [expect.stringContaining("scaledobjects.keda.sh")],
    });
  });

  it("do not block the deletion of namespaces: an API without a server is deleted, and reported", async () => {
    const texts: string[] = [];
    const { run, commands } = changingCluster(list(), [[API, ROLE], [ROLE]]);
    const report = new DeletionReport(new Kube(testConfig(), run), ["keda"], (text) => texts.push(text));
    await report.look(0);
    await report.look(60_000);
    expect(deleted(commands)).toEqual([expect.stringContaining("delete apiservice v1beta1.external.metrics.k8s.io")]);
    expect(texts[0]).toContain("removed v1beta1.external.metrics.k8s.io");
  });
});
