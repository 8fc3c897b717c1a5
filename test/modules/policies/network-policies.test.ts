import { resources, synthesize } from "../../helpers/layers";

const { data } = synthesize();
const of = (type: string) => resources({ data }, type).map((r) => r.body);
const named = (type: string, name: string) => of(type).find((b) => b["metadata"].name === name)!;

describe("network policies", () => {
  it("deny everything by default", () => {
    expect(named("kubernetes_network_policy_v1", "default-deny")["spec"]).toEqual({
      pod_selector: {},
      policy_types: ["Ingress", "Egress"],
    });
  });
  it("let only the API, replicas and the exporter connect to main", () => {
    const { ingress } = named("kubernetes_network_policy_v1", "redis-main")["spec"];
    const from = ingress.map(
      (rule: { from: { pod_selector: { match_labels: Record<string, string> } }[] }) =>
        rule.from[0]!.pod_selector.match_labels["app.kubernetes.io/name"],
    );
    expect(from.sort()).toEqual(["node", "redis-exporter", "redis-replica"]);
  });
  it("let main connect to its replicas and DNS, and nothing else", () => {
    const { egress } = named("kubernetes_network_policy_v1", "redis-main")["spec"];
    const to = (egress as { to: Record<string, { match_labels: Record<string, string> }>[] }[]).map(({ to: [peer] }) =>
      Object.values(Object.values(peer!)[0]!.match_labels).join(" "),
    );
    expect(new Set(to)).toEqual(new Set(["redis-replica iacproject", "kube-system"]));
  });
  it("open only the front's port to any source", () => {
    const open = of("kubernetes_network_policy_v1").flatMap((p) =>
      (p["spec"].ingress ?? [])
        .filter((rule: { from?: unknown[] }) => !rule.from?.length)
        .map(() => p["metadata"].name),
    );
    expect(open).toEqual(["react"]);
  });
  it("let only the API connect to the Kubernetes API, at its own addresses", () => {
    const policy = named("kubernetes_network_policy_v1", "node-kubernetes-api")["spec"];
    expect(policy.pod_selector.match_labels["app.kubernetes.io/name"]).toBe("node");
    expect(policy.policy_types).toEqual(["Egress"]);
    const { content, for_each } = policy.dynamic.egress;
    expect(content.to).toEqual([{ ip_block: { cidr: "${each.value}" } }]);
    expect(content.ports[0].port).toContain("object.ports[0].port");
    expect(for_each).toMatch(/^\$\{toset\(local\./);
    for (const discovery of ["dns", "address"]) {
      const { data } = synthesize({ node: { discovery } });
      const names = resources({ data }, "kubernetes_network_policy_v1").map((r) => r.body["metadata"].name as string);
      expect(names).not.toContain("node-kubernetes-api");
    }
  });
  it("use the configured container ports of the API and the front", () => {
    const { data: other } = synthesize({ images: { node: { port: 4000 } } });
    const react = resources({ data: other }, "kubernetes_network_policy_v1").find(
      (r) => r.body["metadata"].name === "react",
    )!;
    expect(react.body["spec"].egress[0].ports[0].port).toBe("4000");
  });
  it("can be left out on a cluster that does not allow creating them", () => {
    expect(resources({ data: synthesize({ networkPolicies: false }).data }, "kubernetes_network_policy_v1")).toEqual(
      [],
    );
  });
});
