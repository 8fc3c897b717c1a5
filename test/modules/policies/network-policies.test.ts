import { spawnSync } from "node:child_process";
import * as os from "node:os";
import { BLOCK_OF_ADDRESS } from "../../../modules/policies/kubernetes-api-address";
import { resources, synthesize } from "../../helpers/layers";

const { data } = synthesize();
const of = (type: string) => resources({ data }, type).map((r) => r.body);
const named = (type: string, name: string) => of(type).find((b) => b["metadata"].name === name)!;

const hasTerraform = spawnSync("terraform", ["version"]).status === 0;

// Terraform itself evaluates the expression; on machines without Terraform, only .ci/run checks this
(hasTerraform ? it : it.skip).each([
  ["10.1.2.3", "10.1.2.0/24"],
  ["172.16.5.9", "172.16.5.0/24"],
  ["172.15.5.9", "172.15.5.9/32"],
  ["192.168.1.7", "192.168.1.0/24"],
  ["100.64.9.9", "100.64.9.0/24"],
  ["100.128.9.9", "100.128.9.9/32"],
  ["34.1.2.3", "34.1.2.3/32"],
  ["fd00:1:2:3::4", "fd00:1:2:3::/64"],
  ["2001:db8::1", "2001:db8::1/128"],
])("for an API server at %s, %s is allowed, which includes a replacement in the same subnet", (address, block) => {
  const input = `[for a in ["${address}"] : ${BLOCK_OF_ADDRESS}][0]\n`;
  const { stdout } = spawnSync("terraform", ["console"], { input, cwd: os.tmpdir(), encoding: "utf8" });
  expect(stdout.trim()).toBe(`"${block}"`);
});

describe("network policies", () => {
  it("deny everything by default", () => {
    expect(named("kubernetes_network_policy_v1", "default-deny")["spec"]).toEqual({
      pod_selector: {},
      policy_types: ["Ingress", "Egress"],
    });
  });
  it("do not apply to third-party pods in a namespace that existed before", () => {
    const shared = resources(synthesize({ namespaces: { create: false } }), "kubernetes_network_policy_v1");
    const selectors = shared.map(({ body }) => body["spec"].pod_selector as { match_labels?: Record<string, string> });
    expect(selectors.length).toBeGreaterThan(5);
    for (const { match_labels: labels } of selectors)
      expect(labels).toMatchObject({ "app.kubernetes.io/part-of": "iacproject" });
  });
  it("allow only the API, replicas and the exporter to connect to main", () => {
    const { ingress } = named("kubernetes_network_policy_v1", "redis-main")["spec"];
    const from = ingress.map(
      (rule: { from: { pod_selector: { match_labels: Record<string, string> } }[] }) =>
        rule.from[0]!.pod_selector.match_labels["app.kubernetes.io/name"],
    );
    expect(from.sort()).toEqual(["node", "redis-exporter", "redis-replica"]);
  });
  it("allow main to connect to its replicas and DNS, and to nothing else", () => {
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
  it("allow only the API to connect to the Kubernetes API, and only in the networks of that API", () => {
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
  const dnsOf = (overrides: object = {}) => {
    const { data } = synthesize(overrides);
    const react = resources({ data }, "kubernetes_network_policy_v1").find((r) => r.body["metadata"].name === "react")!;
    type Rule = { to: object[]; ports: { port: string; protocol: string }[] };
    return (react.body["spec"].egress as Rule[]).filter(({ to }) => JSON.stringify(to).includes('"cidr"'));
  };
  it("allow DNS on the ports of the DNS pods, including OpenShift's, and at the nodes' caches, which are not pods", () => {
    const [udp, tcp] = dnsOf();
    const ports = (protocol: string) => [
      { port: "53", protocol },
      { port: "5353", protocol },
    ];
    expect(udp!.ports).toEqual(ports("UDP"));
    expect(tcp!.ports).toEqual(ports("TCP"));
    expect(udp!.to[0]).toHaveProperty("namespace_selector");
    expect(udp!.to[1]).toEqual({ ip_block: { cidr: "169.254.20.10/32" } });
  });
  it("allow DNS at configured ports and addresses", () => {
    const [udp] = dnsOf({ dns: { ports: [8053], addresses: ["10.96.0.10", "fd00::a"] } });
    expect(udp!.ports).toEqual([{ port: "8053", protocol: "UDP" }]);
    expect(udp!.to.slice(1)).toEqual([{ ip_block: { cidr: "10.96.0.10/32" } }, { ip_block: { cidr: "fd00::a/128" } }]);
  });
  it("use the configured container ports of the API and the front", () => {
    const { data: other } = synthesize({ images: { node: { port: 4000 } } });
    const react = resources({ data: other }, "kubernetes_network_policy_v1").find(
      (r) => r.body["metadata"].name === "react",
    )!;
    expect(react.body["spec"].egress[0].ports[0].port).toBe("4000");
  });
  it("policies can be left out on a cluster that does not allow the user to create them", () => {
    expect(resources({ data: synthesize({ networkPolicies: false }).data }, "kubernetes_network_policy_v1")).toEqual(
      [],
    );
  });
});
