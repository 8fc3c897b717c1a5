/** Engine `keda`: what KEDA is told, and that Terraform brings and takes it in the right order. */
import * as fs from "node:fs";
import * as path from "node:path";
import { parse } from "yaml";
import { configSchema, ConfigError } from "../../../config";
import { flows } from "../../../modules/policies/flows";
import { AUTOSCALED } from "../../../catalog/workloads";
import { signals } from "../../../modules/autoscaling/signals";
import { resources, synthesize, testConfig, type Json } from "../../helpers/layers";

const keda = { scaling: { engine: "keda" } };
const all = synthesize(keda);
const releases = (layers: Partial<typeof all>) => resources(layers, "helm_release").map((r) => r.body);
const scaledObjects = (layers: Partial<typeof all>) =>
  releases(layers)
    .filter((r) => (r["name"] as string).startsWith("autoscaler-"))
    .map((r) => ({ release: r, values: JSON.parse(r["values"][0] as string) as Json }));
const scaledObject = (name: string, layers = all) =>
  scaledObjects(layers).find((o) => o.values["metadata"].name === name)!.values;

describe("engine keda", () => {
  it("has an object for each autoscaled part, and no autoscaler of Terraform's own", () => {
    expect(
      scaledObjects(all)
        .map((o) => o.values["metadata"].name as string)
        .sort(),
    ).toEqual([...AUTOSCALED].sort());
    expect(resources(all, "kubernetes_horizontal_pod_autoscaler_v2")).toEqual([]);
  });
  it.each(AUTOSCALED)("%s keeps the autoscaler's name, bounds and behaviour, with CPU as the floor", (name) => {
    const hpa = resources(synthesize(), "kubernetes_horizontal_pod_autoscaler_v2").find(
      (r) => r.body["metadata"].name === name,
    )!.body["spec"] as Json;
    const { spec, metadata } = scaledObject(name);
    const { behavior } = spec.advanced.horizontalPodAutoscalerConfig;
    expect(spec.advanced.horizontalPodAutoscalerConfig.name).toBe(name);
    expect(spec.scaleTargetRef).toMatchObject({ kind: hpa["scale_target_ref"].kind, name });
    expect([spec.minReplicaCount, spec.maxReplicaCount]).toEqual([hpa["min_replicas"], hpa["max_replicas"]]);
    expect(behavior.scaleDown.stabilizationWindowSeconds).toBe(
      hpa["behavior"].scale_down[0].stabilization_window_seconds,
    );
    expect(behavior.scaleUp.policies).toHaveLength(hpa["behavior"].scale_up[0].policy.length);
    const cpu = hpa["metric"][0].container_resource;
    expect(spec.triggers[0]).toEqual({
      type: "cpu",
      metricType: "Utilization",
      // beside a formula KEDA drops a container's CPU (seen in 2.20.2), and the floor would be gone
      // and beside others CPU counts from half as much again: at the same point two that waver overshoot
      metadata:
        name === "redis-exporter"
          ? { value: String(cpu.target.average_utilization), containerName: cpu.container }
          : { value: String(1.5 * cpu.target.average_utilization) },
    });
    // without it KEDA refuses to run beside the HPA that engine hpa left
    expect(metadata.annotations["scaledobject.keda.sh/transfer-hpa-ownership"]).toBe("true");
  });
  it("asks the API's pods themselves for requests, work in flight and event loop, and takes their mean", () => {
    const triggers = scaledObject("node")["spec"].triggers.slice(1) as Json[];
    expect(triggers.map((t) => [t["metadata"].valueLocation, t["metadata"].targetValue])).toEqual([
      ["http_requests_per_second", "100"],
      ["http_requests_in_flight_mean", "32"],
      ["nodejs_eventloop_utilization", "0.7"],
    ]);
    for (const { metricType, metadata } of triggers) {
      // a pod that does not answer is left out of a mean; in a sum it would count as idle
      expect([metricType, metadata.aggregationType]).toEqual(["Value", "average"]);
      // service, namespace, then anything: how KEDA reads a host; the port is the pods'
      expect(metadata.url).toMatch(/^http:\/\/node\..*\.svc:3000\/metrics$/);
    }
  });
  it("takes the highest of its signals, as a share of its target, in one figure", () => {
    // each figure of its own would be waited for in turn where KEDA's operator is gone, and CPU behind them
    const modifiers = (name: string) => scaledObject(name)["spec"].advanced.scalingModifiers as Json | undefined;
    expect(modifiers("node")).toEqual({
      formula: "max(requests / 100, in_flight / 32, event_loop / 0.7)",
      target: "1",
      metricType: "Value",
    });
    expect(modifiers("react")).toMatchObject({ formula: "requests / 400" });
    expect(modifiers("redis-replicas")).toEqual({
      formula: "max(commands / 1500, clients / 1000)",
      target: "1",
      metricType: "AverageValue",
    });
    expect(modifiers("redis-exporter")).toBeUndefined();
    for (const name of AUTOSCALED)
      for (const t of scaledObject(name)["spec"].triggers.slice(1) as Json[]) expect(t["name"]).toMatch(/^[a-z_]+$/);
  });
  it("scales replicas by what they say of themselves, as any API pod has heard it", () => {
    const triggers = scaledObject("redis-replicas")["spec"].triggers.slice(1) as Json[];
    expect(triggers.map((t) => t["metadata"].valueLocation)).toEqual([
      "redis_replicas_commands_per_second",
      "redis_replicas_connected_clients",
    ]);
    for (const t of triggers) expect([t["metricType"], t["metadata"].aggregationType]).toEqual(["AverageValue", "max"]);
  });
  it("leaves out a signal whose target is null, and those of an image that tells nothing", () => {
    const without = synthesize({
      scaling: { engine: "keda", node: { inFlightPerPod: null }, replicas: { clientsPerPod: null } },
      images: { react: { metricsPath: null } },
    });
    expect(scaledObject("node", without)["spec"].triggers).toHaveLength(3);
    expect(scaledObject("redis-replicas", without)["spec"].triggers).toHaveLength(2);
    expect(scaledObject("react", without)["spec"].triggers).toHaveLength(1);
  });
  it("reaches pods on the port that they listen on, and on their path", () => {
    const config = testConfig({
      scaling: { engine: "keda" },
      images: { node: { port: 4000, metricsPath: "/m" } },
    });
    for (const { url } of signals(config, "ns").node) expect(url).toBe("http://node.ns.svc:4000/m");
  });
});

describe("the order of things", () => {
  const depends = (layer: "data" | "app", name: string) =>
    releases({ [layer]: all[layer] }).find((r) => r["name"] === name)!["depends_on"] as string[];
  it("replicas' and exporter's objects come after KEDA and their workload, and so go before them", () => {
    for (const name of ["autoscaler-redis-replicas", "autoscaler-redis-exporter"]) {
      expect(depends("data", name)).toEqual(
        expect.arrayContaining([
          expect.stringMatching(/^helm_release\.keda_/),
          expect.stringMatching(/^kubernetes_manifest\./),
        ]),
      );
    }
  });
  it("the app's come after their workloads; KEDA is in the layer below, which goes last", () => {
    for (const name of ["autoscaler-node", "autoscaler-react"])
      expect(depends("app", name)).toEqual([expect.stringMatching(/^kubernetes_manifest\./)]);
    expect(releases({ app: all.app }).map((r) => r["name"])).not.toContain("keda");
  });
  it("an autoscaler of engine hpa comes after its workload too", () => {
    for (const { body } of resources(synthesize(), "kubernetes_horizontal_pod_autoscaler_v2"))
      expect(body["depends_on"]).toEqual([expect.stringMatching(/^kubernetes_manifest\./)]);
  });
  it("Grafana's password is there before the chart that reads it", () => {
    const [stack] = releases({ observability: all.observability });
    expect(stack!["depends_on"]).toEqual([expect.stringMatching(/^kubernetes_secret_v1\..*grafana-admin/)]);
  });
});

describe("KEDA", () => {
  const release = releases({ data: all.data }).find((r) => r["name"] === "keda")!;
  const values = JSON.parse(release["values"][0] as string) as Json;
  it("is made anew elsewhere half a minute after its node was lost", () => {
    for (const part of ["operator", "metricsServer"])
      expect(values[part].tolerations).toContainEqual(
        expect.objectContaining({ key: "node.kubernetes.io/unreachable", tolerationSeconds: 30 }),
      );
  });
  it("serves our namespace alone, reads no Secret, and has no webhooks", () => {
    expect(values["watchNamespace"]).toContain("kubernetes_namespace_v1");
    expect(values["permissions"].operator.restrict.secret).toBe(true);
    expect(values["webhooks"].enabled).toBe(false);
  });
  it("has a namespace of its own that enforces Pod Security restricted", () => {
    const [namespace] = resources({ data: all.data }, "kubernetes_namespace_v1")
      .map((r) => r.body["metadata"])
      .filter((m) => m.name === "keda");
    expect(namespace.labels["pod-security.kubernetes.io/enforce"]).toBe("restricted");
  });
  it("is not installed where the cluster has one; its objects are", () => {
    const existing = synthesize({ ...keda, keda: { mode: "existing" } });
    expect(releases({ data: existing.data }).map((r) => r["name"])).not.toContain("keda");
    expect(scaledObjects(existing)).toHaveLength(4);
  });
  it("is not installed with engine hpa, and nothing of it is", () => {
    const { data } = synthesize();
    expect(data["resource"]).not.toHaveProperty("helm_release");
    expect(JSON.stringify(data)).not.toContain("keda");
  });
  it("may ask the API and the front, and nobody else; with engine hpa nobody of its kind may", () => {
    const from = (over: object) =>
      flows(testConfig(over))
        .filter((f) => f.from === "keda")
        .map((f) => `${f.to}:${f.port}`);
    expect(from(keda)).toEqual(["node:3000", "react:8080"]);
    expect(from({})).toEqual([]);
    const policy = resources({ data: all.data }, "kubernetes_network_policy_v1").find(
      (r) => r.body["metadata"].name === "node",
    )!.body["spec"] as Json;
    expect(JSON.stringify(policy["ingress"])).toContain('"app":"keda-operator"');
  });
});

describe("the chart of one object", () => {
  const dir = path.join(__dirname, "../../../modules/charts/scaled-object");
  it("is where Terraform looks for it, from the folder of a stack, and named the same on every machine", () => {
    for (const { release } of scaledObjects(all)) {
      expect(path.isAbsolute(release["chart"] as string)).toBe(false);
      expect(path.resolve(__dirname, "../../../cdktf.out/stacks/data", release["chart"] as string)).toBe(dir);
    }
    expect(parse(fs.readFileSync(path.join(dir, "Chart.yaml"), "utf8"))).toMatchObject({ name: "scaled-object" });
  });
  it("is written anew when its template changes", () => {
    for (const { values } of scaledObjects(all)) expect(values["template"]).toMatch(/^[0-9a-f]{12}$/);
  });
});

describe("refusals", () => {
  const refused = (over: object) => {
    try {
      testConfig(over);
    } catch (error) {
      return (error as ConfigError).problems;
    }
    return [];
  };
  it.each([
    [{ scaling: { node: { requestsPerPod: 0 } } }, /scaling\.node\.requestsPerPod: 0 is not accepted/],
    [{ scaling: { node: { eventLoopPercent: 120 } } }, /scaling\.node\.eventLoopPercent: 120 .*at most 100/],
    [{ scaling: { node: { min: 5, max: 3 } } }, /scaling\.node\.min: 5 .*must not be above max \(3\)/],
    [{ scaling: { exporter: { min: 4 } } }, /scaling\.exporter\.min: 4 .*must not be above max \(3\)/],
    [{ scaling: { replicas: { min: 1 } } }, /reads must survive the loss of one replica/],
    [
      { scaling: { engine: "keda", replicas: { clientsPerPod: 11 } } },
      /clientsPerPod: 11 .*above scaling\.node\.max \(10\)/,
    ],
    [{ scaling: { engine: "keda" }, images: { node: { metricsPath: null } } }, /needs images\.node\.metricsPath/],
    [{ scaling: { engine: "keda" }, namespaces: { keda: "monitoring" } }, /namespaces\.keda: .*must differ/],
    [{ node: { resources: { cpu: "0m" } } }, /node\.resources\.cpu: "0m" .*above 0/],
  ])("%j", (over, reason) => expect(refused(over).join("\n")).toMatch(reason));
  it("not where the engine does not use it", () => {
    expect(refused({ scaling: { replicas: { clientsPerPod: 3 } } })).toEqual([]);
    expect(configSchema.safeParse({}).success).toBe(true);
  });
});
