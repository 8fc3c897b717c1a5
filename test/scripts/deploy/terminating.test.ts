/** Namespaces whose deletion Kubernetes does not finish, with the conditions that it sets. */
import { Kube } from "../../../scripts/cluster/kubectl";
import { checkNamespaces } from "../../../scripts/deploy/preflight";
import { checkApis, DeletionReport, terminating } from "../../../scripts/deploy/terminating";
import { RunError } from "../../../scripts/terminal/run-program";
import { testConfig } from "../../helpers/layers";
import { recorder } from "../../helpers/recorder";

const DISCOVERY = {
  type: "NamespaceDeletionDiscoveryFailure",
  status: "True",
  message:
    "Discovery failed for some groups, 1 failing: unable to retrieve the complete list of server APIs: custom.metrics.k8s.io/v1beta1: stale GroupVersion discovery: custom.metrics.k8s.io/v1beta1",
};
const namespace = (conditions: object[], labels: object = { "app.kubernetes.io/part-of": "iacproject" }) =>
  ({
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: "iacproject", labels, deletionTimestamp: "2025-01-01T00:00:00Z" },
    status: { phase: "Terminating", conditions },
  }) as never;
const kubeWith = (pattern: RegExp, answer: unknown) =>
  new Kube(testConfig(), recorder([[pattern, JSON.stringify(answer)]]).run);

describe("a namespace that is being deleted", () => {
  it("a deletion waits for any API that does not answer, even another deployment's; the reported reason is Kubernetes' own", () => {
    expect(terminating(namespace([DISCOVERY]))).toMatchObject({
      reason: expect.stringContaining("custom.metrics.k8s.io/v1beta1"),
      next: expect.stringContaining("kubectl get apiservices | grep False"),
    });
  });
  it("remaining finalizers are reported, because they are more informative than remaining objects", () => {
    const conditions = [
      { type: "NamespaceContentRemaining", status: "True", message: "Some resources are remaining" },
      { type: "NamespaceFinalizersRemaining", status: "True", message: "finalizer.keda.sh in 1 resource instances" },
      { ...DISCOVERY, status: "False" },
    ];
    expect(terminating(namespace(conditions))).toMatchObject({ reason: expect.stringContaining("finalizer.keda.sh") });
  });
  it("`up` stops if a namespace is being deleted, and reports what blocks the deletion", async () => {
    const config = testConfig();
    await expect(
      checkNamespaces(config, kubeWith(/get namespace iacproject/, namespace([DISCOVERY]))),
    ).rejects.toMatchObject({
      message: expect.stringMatching(/^Kubernetes is still deleting the namespace iacproject: Discovery failed/),
      next: expect.stringContaining("apiservices"),
    });
    await expect(
      checkNamespaces(
        testConfig({ namespaces: { create: false } }),
        kubeWith(/get namespace iacproject/, namespace([])),
      ),
    ).rejects.toMatchObject({ next: expect.stringContaining("Wait") });
  });
  it("a deletion is reported once while `down` waits, unless it completes soon", async () => {
    const texts: string[] = [];
    const report = new DeletionReport(kubeWith(/get namespace/, namespace([DISCOVERY])), ["iacproject"], (text) =>
      texts.push(text),
    );
    await report.look(0);
    expect(texts).toEqual([]);
    await report.look(30_000);
    await report.look(60_000);
    expect(texts).toEqual([expect.stringContaining("namespace iacproject is not deleted yet: Discovery failed")]);
  });
});

it("APIs without a server are found in advance, and the missing server is named", async () => {
  const api = (name: string, status: string) => ({
    kind: "APIService",
    metadata: { name },
    spec: { service: { namespace: "datadog", name: "adapter" } },
    status: { conditions: [{ type: "Available", status, reason: "ServiceNotFound", message: "service not found" }] },
  });
  const items = [api("v1beta1.custom.metrics.k8s.io", "False"), api("v1beta1.metrics.k8s.io", "True")];
  await expect(checkApis(kubeWith(/get apiservices/, { items }))).rejects.toThrow(
    "not responding: v1beta1.custom.metrics.k8s.io, served by datadog/adapter (service not found)",
  );
  await expect(checkApis(kubeWith(/get apiservices/, { items: items.slice(1) }))).resolves.toBe("all respond");
});

it("APIs that this user may not list are reported as unknown, not as responding", async () => {
  const { run } = recorder([[/get apiservices/, new RunError("kubectl", 1, "Error: is forbidden", "failed")]]);
  await expect(checkApis(new Kube(testConfig(), run))).resolves.toMatch(/^unknown: /);
});
