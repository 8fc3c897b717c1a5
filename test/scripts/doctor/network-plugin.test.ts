import { checkNetworkPlugin } from "../../../scripts/doctor/network-plugin";
import { Kube } from "../../../scripts/cluster/kubectl";
import { RunError } from "../../../scripts/terminal/run-program";
import { testConfig } from "../../helpers/layers";
import { recorder } from "../../helpers/recorder";

const absent = new RunError("kubectl", 1, "Error from server (NotFound): could not find the requested resource", "x");
const forbidden = new RunError("kubectl", 1, "Error from server (Forbidden): nodes is forbidden", "x");
const list = (...items: object[]) => JSON.stringify({ items });
const node = { metadata: { name: "a" }, status: { addresses: [{ type: "InternalIP", address: "10.0.0.1" }] } };
const check = (
  overrides: object,
  {
    cilium = true,
    api = "10.0.0.1",
    mode = "",
    nodes = list(node),
  }: { cilium?: boolean; api?: string; mode?: string; nodes?: string | RunError } = {},
) => {
  const config = testConfig(overrides);
  const { run } = recorder([
    [/get --raw \/apis\/cilium\.io\/v2/, cilium ? "{}" : absent],
    [/get configmap cilium-config/, JSON.stringify({ metadata: {}, data: { "policy-cidr-match-mode": mode } })],
    [/get endpointslice/, list({ metadata: { name: "kubernetes" }, endpoints: [{ addresses: [api] }] })],
    [/get nodes/, nodes],
  ]);
  return checkNetworkPlugin(config, new Kube(config, run));
};

describe("the network plugin", () => {
  it("Cilium blocks the API's connections to a Kubernetes API on a node; the API falls back to DNS, and the error names the keys", async () => {
    await expect(check({})).rejects.toMatchObject({
      message: expect.stringContaining("finds them through DNS"),
      next: expect.stringMatching(/^Set node\.discovery: dns.*policy-cidr-match-mode: nodes/),
    });
  });
  it("Cilium's effect is unknown to a user who may not list nodes", async () => {
    await expect(check({}, { nodes: forbidden })).resolves.toMatch(/^unknown: .*nodes/);
  });
  it("Cilium causes no problem if its policies match nodes, the Kubernetes API is not on a node, or discovery uses DNS", async () => {
    await expect(check({}, { mode: "nodes" })).resolves.toContain("match nodes");
    await expect(check({}, { api: "172.16.0.2" })).resolves.toMatch(/^Cilium/);
    await expect(check({ node: { discovery: "dns" } })).resolves.toContain("DNS");
  });
  it("Cilium blocks the fast scaler too, whatever the discovery; the error names the key that turns it off", async () => {
    const fast = { scaling: { fast: true } };
    await expect(check({ ...fast, node: { discovery: "dns" } })).rejects.toMatchObject({
      message: expect.stringMatching(/the fast scaler cannot scale/),
      next: expect.stringMatching(/^Set scaling\.fast: false.*policy-cidr-match-mode: nodes/),
    });
    await expect(check(fast)).rejects.toMatchObject({
      message: expect.stringMatching(/finds them through DNS.*the fast scaler cannot scale/),
      next: expect.stringMatching(/^Set node\.discovery: dns and scaling\.fast: false/),
    });
    await expect(check(fast, { mode: "nodes" })).resolves.toContain("match nodes");
  });
  it("Cilium does not matter without NetworkPolicies; other plugins are not named", async () => {
    await expect(check({ networkPolicies: false })).resolves.toMatch(/^not checked/);
    await expect(check({}, { cilium: false })).resolves.toBe("not Cilium");
  });
});
