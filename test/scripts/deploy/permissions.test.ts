import { testConfig, synthesize } from "../../helpers/layers";
import { Kube } from "../../../scripts/cluster/kubectl";
import type { Stack } from "../../../scripts/terraform/render-manifests";
import { checkPermissions, permissionsFor, type Permission } from "../../../scripts/deploy/permissions";
import { RunError, type Run } from "../../../scripts/terminal/run-program";

const stacks = (over: object = {}) => synthesize(over) as unknown as Record<string, Stack>;
const asText = (rights: readonly Permission[]) =>
  rights.map((r) => `${r.layer}: ${r.resource}${r.group ? `.${r.group}` : ""} ${r.namespace ?? "(cluster)"}`);

interface Review {
  spec: { resourceAttributes: { group: string; resource: string; verb: string; namespace?: string } };
}
/** A cluster that denies what `isDenied` selects, with answers in the form that kubectl prints. */
const cluster = (isDenied: (a: Review["spec"]["resourceAttributes"]) => boolean): Kube => {
  const run: Run = (_program, _args, options) => {
    const { items } = JSON.parse(options.input!) as { items: Review[] };
    const answers = items.map((i) => ({ ...i, status: { allowed: !isDenied(i.spec.resourceAttributes) } }));
    return Promise.resolve({
      code: 0,
      stdout: answers.map((a) => JSON.stringify(a, null, 4)).join("\n") + "\n",
      stderr: "",
    });
  };
  return new Kube(testConfig(), run);
};
const refusal = async (kube: Kube, rights: readonly Permission[]) =>
  checkPermissions(kube, rights).then(
    (message) => [message, ""],
    (error: { message: string; next?: string }) => [error.message, error.next ?? ""],
  );

describe("the permissions that a deployment needs", () => {
  it("permissions are listed once for each kind that the layers create, per namespace", () => {
    const all = asText(permissionsFor(stacks()));
    expect(all).toEqual([...new Set(all)]);
    for (const right of [
      "data: namespaces (cluster)",
      "data: statefulsets.apps iacproject",
      "data: networkpolicies.networking.k8s.io iacproject",
      "data: horizontalpodautoscalers.autoscaling iacproject",
      "data: deployments.apps iacproject",
      "app: roles.rbac.authorization.k8s.io iacproject",
      "app: secrets kube-system",
      "app: apiservices.apiregistration.k8s.io (cluster)",
      "observability: customresourcedefinitions.apiextensions.k8s.io (cluster)",
    ])
      expect(all).toContain(right);
  });
  it("includes reading the addresses of the Kubernetes API in another namespace, unless they are configured", () => {
    const fast = { scaling: { fast: true }, node: { discovery: "dns" } };
    const reads = (over: object) => permissionsFor(stacks(over)).filter((r) => r.resource === "endpointslices");
    expect(reads(fast)).toEqual([
      { group: "discovery.k8s.io", resource: "endpointslices", namespace: "default", layer: "data", verbs: ["get"] },
    ]);
    expect(reads({ ...fast, cluster: { apiServer: { blocks: ["192.0.2.0/24"] } } })).toEqual([]);
  });
  it("settings can reduce the permissions, so that access to one namespace is enough", () => {
    const rights = permissionsFor(
      stacks({
        namespaces: { create: false },
        observability: "none",
        metricsServer: { mode: "existing" },
        node: { discovery: "dns" },
        networkPolicies: false,
        workloads: "helm",
      }),
    );
    expect(new Set(rights.map((r) => r.namespace))).toEqual(new Set(["iacproject"]));
    expect(asText(rights)).toContain("data: statefulsets.apps iacproject");
    expect(rights.map((r) => r.resource)).not.toContain("roles");
    expect(rights.map((r) => r.resource)).not.toContain("networkpolicies");
  });
});

describe("a check of these permissions", () => {
  const rights = permissionsFor(stacks());
  it("passes if the cluster allows everything", async () => {
    expect(
      await refusal(
        cluster(() => false),
        rights,
      ),
    ).toEqual([expect.stringMatching(/^this user may create, change and delete all \d+ kinds of objects/), ""]);
  });
  it("the error names the key that makes it unnecessary to read the addresses of the Kubernetes API", async () => {
    const [message, next] = await refusal(
      cluster((a) => a.resource === "endpointslices"),
      rights,
    );
    expect(message).toContain("get endpointslices.discovery.k8s.io in namespace default (layer data)");
    expect(next).toContain("cluster.apiServer.blocks");
  });
  it("the error names each denial, and the setting that avoids it, if the user has access to one namespace only", async () => {
    const [message, next] = await refusal(
      cluster((a) => a.namespace !== "iacproject" || a.group === "rbac.authorization.k8s.io"),
      rights,
    );
    expect(message).toContain("namespaces cluster-wide (layer data)");
    expect(message).toContain("customresourcedefinitions.apiextensions.k8s.io cluster-wide (layer observability)");
    expect(message).toContain("roles.rbac.authorization.k8s.io in namespace iacproject (layer app)");
    for (const setting of [
      "namespaces.create: false",
      "observability: none",
      "metricsServer.mode: existing",
      "node.discovery: dns, and scaling.fast: false",
    ])
      expect(next).toContain(setting);
    expect(next).not.toContain("No setting");
  });
  it("the error names a required permission that the cluster denies, and the denied verbs", async () => {
    const [message, next] = await refusal(
      cluster((a) => a.resource === "horizontalpodautoscalers" && a.verb === "delete"),
      rights,
    );
    expect(message).toMatch(
      /^ {2}delete horizontalpodautoscalers\.autoscaling in namespace iacproject \(layer data\)$/m,
    );
    expect(next).toBe("No setting replaces access to horizontalpodautoscalers: ask the cluster's administrator.");
  });
  it("a cluster that does not report permissions does not stop a deployment", async () => {
    const kube = new Kube(testConfig(), () =>
      Promise.reject(new RunError("kubectl create", 1, "forbidden", "kubectl create failed: forbidden")),
    );
    expect((await refusal(kube, rights))[0]).toMatch(/^unknown/);
  });
});
