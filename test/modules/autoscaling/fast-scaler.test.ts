import * as fs from "node:fs";
import { SCALER_VIEW } from "../../../catalog/names";
import { readConfig, type ScalerConfig } from "../../../images/scaler/src/config";
import {
  resources,
  synthesize,
  testConfig,
  workload,
  workloads,
  type Json,
  type Synthesized,
} from "../../helpers/layers";
import { podSpecOf } from "../../helpers/pods";

/** Input of the layer; Terraform fills in the value. */
const NAMESPACE = "${data.terraform_remote_state.data-state.outputs.namespace}";
const fast = synthesize({ scaling: { fast: true } });
const without = synthesize();

const hpa = (layers: Partial<Synthesized>, name: string): Json =>
  resources(layers, "kubernetes_horizontal_pod_autoscaler_v2").find((r) => r.body["metadata"].name === name)!.body[
    "spec"
  ] as Json;
const container = (layers: Synthesized): Json => podSpecOf(workload(layers, "scaler"))!["containers"][0] as Json;
/** The configuration, as the scaler itself reads it. */
function scalerConfig(layers: Synthesized): ScalerConfig {
  const env = container(layers)["env"] as { name: string; value?: string }[];
  const known = (value: string | undefined) => value?.replaceAll(NAMESPACE, "iacproject");
  return readConfig({
    ...Object.fromEntries(env.map(({ name, value }) => [name, known(value)])),
    KUBERNETES_SERVICE_HOST: "10.96.0.1",
  });
}

describe("the fast scaler", () => {
  it("writes its recommendations to the annotation that `npm run status` reads", () => {
    expect(fs.readFileSync("images/scaler/src/scaling/scaler.ts", "utf8")).toContain(`const VIEW = "${SCALER_VIEW}"`);
  });

  it("is deployed, with its image, its monitor and its flows, only if it is enabled", () => {
    const names = (layers: Synthesized) => workloads(layers).map((w) => w["metadata"].name as string);
    expect(names(fast)).toContain("scaler");
    expect(names(without)).not.toContain("scaler");
    expect(JSON.stringify(without)).not.toContain("iacproject-scaler");
    expect(fast.images["output"]).toHaveProperty("scaler_image");
    expect(without.images["output"]).not.toHaveProperty("scaler_image");
  });

  it("has no monitor, alerts, dashboard row or flow from Prometheus if its image provides no metrics", () => {
    const silent = synthesize({ scaling: { fast: true }, images: { scaler: { metricsPath: null } } });
    const monitored = ({ observability }: Synthesized) => {
      const text = JSON.stringify(observability);
      return ["iacproject-scaler", "FastScalerDown", "Fast scaler"].filter((part) => text.includes(part));
    };
    expect(monitored(fast)).toEqual(["iacproject-scaler", "FastScalerDown", "Fast scaler"]);
    expect(monitored(silent)).toEqual([]);
    const ingress = (layers: Synthesized) =>
      resources(layers, "kubernetes_network_policy_v1").find((r) => r.body["metadata"].name === "scaler")!.body["spec"]
        .ingress as Json[] | undefined;
    expect(ingress(fast)).toHaveLength(1);
    expect(ingress(silent) ?? []).toHaveLength(0);
  });

  it("gets a valid configuration, with the configured speed and every signal of the API and the front", () => {
    const { targets, namespace, lease } = scalerConfig(fast);
    expect({ namespace, lease }).toEqual({ namespace: "iacproject", lease: "scaler" });
    expect(targets.map(({ workload, port, path }) => ({ workload, port, path }))).toEqual([
      { workload: "node", port: 3000, path: "/metrics" },
      { workload: "react", port: 8080, path: "/metrics" },
    ]);
    expect(targets[0]!.signals.map(({ metric, target }) => [metric, target])).toEqual([
      ["http_requests_per_second", 100],
      ["http_requests_in_flight_mean", 32],
      ["nodejs_eventloop_utilization", 0.7],
    ]);
    // a share of time above 1 is an error in the pod
    expect(targets[0]!.signals[2]!.limit).toBe(1);
    expect(targets[0]).toMatchObject({
      scaleDownWindowSeconds: 120,
      scaleDown: { percent: 50, pods: 1, periodSeconds: 60 },
    });
  });

  it("keeps as many spare pods as configured, none by default", () => {
    expect(scalerConfig(fast).targets.map((t) => t.sparePods)).toEqual([0, 0]);
    const spare = synthesize({ scaling: { fast: true, node: { sparePods: 2 } } });
    expect(scalerConfig(spare).targets.map((t) => t.sparePods)).toEqual([2, 0]);
    // the bounds already include them
    expect(hpa(spare, "node")).toEqual(hpa(fast, "node"));
  });

  it("refuses spare pods that nothing would keep", () => {
    expect(() => testConfig({ scaling: { node: { sparePods: 1 } } })).toThrow(
      /scaling\.node\.sparePods: .*requires scaling\.fast/,
    );
    expect(() => testConfig({ scaling: { fast: true, react: { sparePods: 6 } } })).toThrow(
      /scaling\.react\.sparePods: .*must be below scaling\.react\.max \(6\)/,
    );
    expect(() =>
      testConfig({ scaling: { fast: true, react: { sparePods: 1 } }, images: { react: { metricsPath: null } } }),
    ).toThrow(/scaling\.react\.sparePods: .*requires images\.react\.metricsPath/);
    const off = { requestsPerPod: null, inFlightPerPod: null, eventLoopPercent: null };
    expect(() => testConfig({ scaling: { fast: true, node: { ...off, sparePods: 1 } } })).toThrow(
      /scaling\.node\.sparePods: .*requires a load signal/,
    );
  });

  it("leaves out a workload whose image has no metrics, or whose signals are all disabled", () => {
    const noFront = synthesize({ scaling: { fast: true }, images: { react: { metricsPath: null } } });
    expect(scalerConfig(noFront).targets.map((t) => t.workload)).toEqual(["node"]);
    expect(hpa(noFront, "react")["behavior"].scale_down[0].select_policy).toBe("Max");
    const off = { requestsPerPod: null, inFlightPerPod: null, eventLoopPercent: null };
    const noApi = synthesize({ scaling: { fast: true, node: off } });
    expect(scalerConfig(noApi).targets.map((t) => t.workload)).toEqual(["react"]);
  });

  it("takes over scale-in from the HorizontalPodAutoscaler, which only adds pods, with a higher target", () => {
    for (const name of ["node", "react"]) {
      expect(hpa(without, name)["behavior"].scale_down[0].select_policy).toBe("Max");
      expect(hpa(fast, name)["behavior"].scale_down[0].select_policy).toBe("Disabled");
      expect(hpa(fast, name)["behavior"].scale_up[0].select_policy).toBe("Max");
      expect(hpa(fast, name)["metric"][0].container_resource.target.average_utilization).toBe(90);
    }
    // a replica's load is known only as a total, and replicas start too slowly to benefit
    for (const name of ["redis-replicas", "redis-exporter"]) expect(hpa(fast, name)).toEqual(hpa(without, name));
  });

  it("does not change the other workloads", () => {
    const others = (layers: Synthesized) =>
      workloads(layers)
        .filter((w) => w["metadata"].name !== "scaler")
        .map((w) => [w["metadata"].name, w["spec"].template.metadata.annotations]);
    expect(others(fast)).toEqual(others(without));
  });

  it("needs permissions only in its own namespace, and only for pods, its workloads and its Lease", () => {
    const role = resources(fast, "kubernetes_role_v1").find((r) => r.body["metadata"].name === "scaler")!.body;
    const rules = (role["rule"] as Json[]).map((r) => [
      r["resources"].join(),
      r["resource_names"] ?? [],
      r["verbs"].join(),
    ]);
    expect(rules).toEqual([
      ["pods", [], "list,watch"],
      ["deployments", ["node", "react"], "list,watch"],
      ["horizontalpodautoscalers", ["node", "react"], "list,watch"],
      ["deployments/scale", ["node", "react"], "get,patch"],
      ["leases", [], "create"],
      ["leases", ["scaler"], "get,update"],
    ]);
    expect(resources(fast, "kubernetes_cluster_role_v1")).toEqual([]);
  });

  it("always runs as a single pod, which no autoscaler scales", () => {
    expect(workload(fast, "scaler")["spec"].replicas).toBe(1);
  });

  it("can reach the API server even if Terraform may not look up the server's address", () => {
    const blocks = ["10.0.0.0/24", "fd00::/64"];
    const layers = synthesize({
      scaling: { fast: true },
      cluster: { apiServer: { blocks, port: 443 } },
      node: { discovery: "dns" },
    });
    expect(resources(layers, "data.kubernetes_resource")).toEqual([]);
    const policy = resources(layers, "kubernetes_network_policy_v1").find(
      (r) => r.body["metadata"].name === "scaler-kubernetes-api",
    )!.body["spec"] as Json;
    expect(policy["egress"].map((e: Json) => [e["to"][0].ip_block.cidr, e["ports"][0].port])).toEqual(
      blocks.map((block) => [block, "443"]),
    );
  });

  it("is rejected with engine keda, and without a load signal", () => {
    expect(() => testConfig({ scaling: { fast: true, engine: "keda" } })).toThrow(
      /scaling\.fast: .*requires scaling\.engine hpa/,
    );
    expect(() =>
      testConfig({ scaling: { fast: true }, images: { node: { metricsPath: null }, react: { metricsPath: null } } }),
    ).toThrow(/scaling\.fast: .*requires at least one load signal/);
  });
});
