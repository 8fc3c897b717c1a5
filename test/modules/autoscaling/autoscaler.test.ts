import * as fs from "node:fs";
import * as path from "node:path";
import { parse } from "yaml";
import { AUTOSCALED } from "../../../catalog/workloads";
import { Autoscaler } from "../../../modules/autoscaling/autoscaler";
import {
  appLayer,
  resources,
  synthesize,
  testConfig,
  workload,
  type Json,
  type Synthesized,
} from "../../helpers/layers";
import { releases, scaledObjects } from "../../helpers/scaled-objects";

const withKeda = synthesize({ scaling: { engine: "keda" } });
const scaledObject = (name: string, layers = withKeda) =>
  scaledObjects(layers).find((o) => o.values["metadata"].name === name)!.values;

describe("engine hpa", () => {
  const all = synthesize();
  const container = (w: Json): Json => w["spec"].template.spec.containers[0];
  const hpas = (layers: Partial<Synthesized>) =>
    resources(layers, "kubernetes_horizontal_pod_autoscaler_v2").map((r) => r.body);
  it.each(["node", "react", "redis-replicas", "redis-exporter"])(
    "%s scales on its own container's CPU usage, out quickly and in slowly",
    (name) => {
      const hpa = hpas(all).find((h) => h["metadata"].name === name)!;
      const { metric, behavior, scale_target_ref } = hpa["spec"];
      expect(scale_target_ref.name).toBe(name);
      expect(metric[0].type).toBe("ContainerResource");
      expect(container(workload(all, name))["name"]).toBe(metric[0].container_resource.container);
      expect(behavior.scale_up[0].stabilization_window_seconds).toBe(0);
      expect(behavior.scale_down[0].stabilization_window_seconds).toBeGreaterThanOrEqual(60);
    },
  );
  it("takes bounds and targets from the configuration", () => {
    const [hpa] = hpas({ app: synthesize({ scaling: { node: { min: 3, max: 9, cpuTarget: 45 } } }).app });
    expect(hpa!["spec"]).toMatchObject({ min_replicas: 3, max_replicas: 9 });
    expect(hpa!["spec"].metric[0].container_resource.target.average_utilization).toBe(45);
  });
  it("refuses inconsistent settings, with the reason", () => {
    const make = (over: object) => () => {
      const config = testConfig();
      new Autoscaler(appLayer(), "a", {
        component: "node",
        namespace: "n",
        config: { ...config, scaling: { ...config.scaling, node: { ...config.scaling.node, ...over } } },
        after: [],
      });
    };
    expect(make({ min: 4, max: 2 })).toThrow("autoscaler node: min is 4, above max 2");
    expect(make({ scaleDownWindowSeconds: 15 })).toThrow(
      /scaleDownWindowSeconds is 15, below two metric intervals \(20 s\)/,
    );
  });
});

describe("engine keda", () => {
  it("creates an object for each autoscaled workload, and no HPA that Terraform manages", () => {
    expect(
      scaledObjects(withKeda)
        .map((o) => o.values["metadata"].name as string)
        .sort(),
    ).toEqual([...AUTOSCALED].sort());
    expect(resources(withKeda, "kubernetes_horizontal_pod_autoscaler_v2")).toEqual([]);
  });
  it.each(AUTOSCALED)("%s keeps the HPA's name, bounds and behaviour, with CPU as a fallback", (name) => {
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
      // with a formula, KEDA drops a container's CPU trigger (seen in 2.20.2), so the whole pod's CPU is used; next to
      // other signals, the CPU target is 1.5 times as high, because two signals with the same threshold overshoot
      metadata:
        name === "redis-exporter"
          ? { value: String(cpu.target.average_utilization), containerName: cpu.container }
          : { value: String(1.5 * cpu.target.average_utilization) },
    });
    // without this annotation, KEDA refuses to adopt the HPA that engine hpa left behind
    expect(metadata.annotations["scaledobject.keda.sh/transfer-hpa-ownership"]).toBe("true");
  });
  it("reads requests, requests in flight and event loop utilization from the API pods, and averages them", () => {
    const triggers = scaledObject("node")["spec"].triggers.slice(1) as Json[];
    expect(triggers.map((t) => [t["metadata"].valueLocation, t["metadata"].targetValue])).toEqual([
      ["http_requests_per_second", "100"],
      ["http_requests_in_flight_mean", "32"],
      ["nodejs_eventloop_utilization", "0.7"],
    ]);
    for (const { metricType, metadata } of triggers) {
      // a mean ignores a pod that does not answer; a sum would count that pod as idle
      expect([metricType, metadata.aggregationType]).toEqual(["Value", "average"]);
      // KEDA parses the host as service.namespace.*; the port is the one that the pods listen on
      expect(metadata.url).toMatch(/^http:\/\/node\..*\.svc:3000\/metrics$/);
    }
  });
  it("combines a workload's signals into one metric: the signal that is highest relative to its target", () => {
    // with separate metrics, the HPA would wait for each in turn, and then for CPU, while KEDA's operator is down
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
  it("scales replicas on their own statistics, as exported by the API pods", () => {
    const triggers = scaledObject("redis-replicas")["spec"].triggers.slice(1) as Json[];
    expect(triggers.map((t) => t["metadata"].valueLocation)).toEqual([
      "redis_replicas_commands_per_second",
      "redis_replicas_connected_clients",
    ]);
    for (const t of triggers) expect([t["metricType"], t["metadata"].aggregationType]).toEqual(["AverageValue", "max"]);
  });
  it("leaves out a signal whose target is null, and all signals of an image without metrics", () => {
    const without = synthesize({
      scaling: { engine: "keda", node: { inFlightPerPod: null }, replicas: { clientsPerPod: null } },
      images: { react: { metricsPath: null } },
    });
    expect(scaledObject("node", without)["spec"].triggers).toHaveLength(3);
    expect(scaledObject("redis-replicas", without)["spec"].triggers).toHaveLength(2);
    expect(scaledObject("react", without)["spec"].triggers).toHaveLength(1);
  });
});

describe("the order of resources", () => {
  const depends = (layer: "data" | "app", name: string) =>
    releases({ [layer]: withKeda[layer] }).find((r) => r["name"] === name)!["depends_on"] as string[];
  it("the autoscalers of the replicas and the exporter are created after KEDA and their workloads, and destroyed before them", () => {
    for (const name of ["autoscaler-redis-replicas", "autoscaler-redis-exporter"]) {
      expect(depends("data", name)).toEqual(
        expect.arrayContaining([
          expect.stringMatching(/^helm_release\.keda_/),
          expect.stringMatching(/^kubernetes_manifest\./),
        ]),
      );
    }
  });
  it("the autoscalers in layer app are created after their workloads; KEDA is in layer data, which is destroyed last", () => {
    for (const name of ["autoscaler-node", "autoscaler-react"])
      expect(depends("app", name)).toEqual([expect.stringMatching(/^kubernetes_manifest\./)]);
    expect(releases({ app: withKeda.app }).map((r) => r["name"])).not.toContain("keda");
  });
  it("an HPA is also created after its workload", () => {
    for (const { body } of resources(synthesize(), "kubernetes_horizontal_pod_autoscaler_v2"))
      expect(body["depends_on"]).toEqual([expect.stringMatching(/^kubernetes_manifest\./)]);
  });
});

describe("the chart for a single object", () => {
  const dir = path.join(__dirname, "../../../modules/charts/scaled-object");
  it("the chart has a path relative to a stack's folder, so the path is the same on every machine", () => {
    for (const { release } of scaledObjects(withKeda)) {
      expect(path.isAbsolute(release["chart"] as string)).toBe(false);
      expect(path.resolve(__dirname, "../../../cdktf.out/stacks/data", release["chart"] as string)).toBe(dir);
    }
    expect(parse(fs.readFileSync(path.join(dir, "Chart.yaml"), "utf8"))).toMatchObject({ name: "scaled-object" });
  });
  it("is deployed again when its template changes", () => {
    for (const { values } of scaledObjects(withKeda)) expect(values["template"]).toMatch(/^[0-9a-f]{12}$/);
  });
});
