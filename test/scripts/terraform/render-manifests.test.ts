import {
  CLUSTER_IP_OF,
  kubernetesObject,
  layerManifests,
  resolve,
  type Stack,
} from "../../../scripts/terraform/render-manifests";
import { LAYERS } from "../../../stacks/outputs";
import { synthesize } from "../../helpers/layers";

const given = { images: { node_image: "registry.example/node@sha256:abc", react_image: "registry.example/react:1" } };
const stacks = (over: object = {}) => synthesize(over) as unknown as Record<string, Stack>;
type Named = { kind: string; metadata: { name: string; namespace?: string }; [key: string]: unknown };
const objects = (layer: string, over: object = {}) =>
  layerManifests(layer, stacks(over), given).objects as unknown as Named[];
const find = (all: readonly Named[], kind: string, name: string) =>
  all.find((o) => o.kind === kind && o.metadata.name === name)!;

describe("a resource as a Kubernetes object", () => {
  it("has Kubernetes' field names and numbers, and unchanged labels", () => {
    const service = kubernetesObject("kubernetes_service_v1", {
      metadata: { name: "a", labels: { "some_label/x": "y" } },
      spec: {
        port: [{ port: 80, target_port: "8080", node_port: null }],
        selector: { my_app: "a" },
        cluster_ip: "None",
      },
      wait_for_load_balancer: false,
    });
    expect(service).toEqual({
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "a", labels: { "some_label/x": "y" } },
      spec: { ports: [{ port: 80, targetPort: 8080 }], selector: { my_app: "a" }, clusterIP: "None" },
    });
  });
  it("has no password", () => {
    const secret = { metadata: { name: "a" }, data_wo: { password: "${random.x}" }, data_wo_revision: 1 };
    expect(kubernetesObject("kubernetes_secret_v1", secret)).toEqual({
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "a" },
      stringData: { password: "MADE BY A DEPLOY" },
    });
  });
  it("of an unknown type is refused, not left out", () => {
    expect(() => kubernetesObject("kubernetes_job_v1", {})).toThrow("kubernetes_job_v1 has no counterpart");
  });
});

describe("an expression", () => {
  const stack: Stack = { resource: { kubernetes_namespace_v1: { ns: { metadata: { name: "shop" } } } } };
  it("that is known is replaced, also inside a text, and an escaped one stays", () => {
    const text = "http://a.${kubernetes_namespace_v1.ns.metadata[0].name}.svc $${HOME}";
    expect(resolve(text, stack, {}, {})).toBe("http://a.shop.svc ${HOME}");
  });
  it("that is unknown is an error that names it", () => {
    expect(() => resolve("${data.x.y}", stack, {}, {})).toThrow("${data.x.y} is only known to a deploy");
  });
});

describe("the layers", () => {
  it.each(["hpa", "keda"])("are complete with engine %s: no expression is left", (engine) => {
    for (const layer of LAYERS) {
      const all = { scaling: { engine }, redis: { durability: "ha", backup: { schedule: "@daily" } } };
      const made = layerManifests(layer, stacks({ ...all, namespaces: { quota: true } }), given);
      expect(JSON.stringify(made)).not.toMatch(/(?<!\$)\$\{(data|kubernetes_\w+|local|each)\./);
    }
  });
  it("give every object a kind, a name and, except for namespaces, a namespace", () => {
    for (const layer of ["data", "app"])
      for (const o of objects(layer)) {
        expect(o["apiVersion"]).toBeTruthy();
        expect(o.metadata.name).toBeTruthy();
        if (o.kind !== "Namespace") expect(o.metadata.namespace).toBe("iacproject");
      }
  });
  it("have workloads with their images, autoscalers with their bounds, policies with their ports", () => {
    const app = objects("app");
    const node = find(app, "Deployment", "node") as unknown as {
      spec: { template: { spec: { containers: object[] } } };
    };
    expect(node.spec.template.spec.containers[0]).toMatchObject({ image: "registry.example/node@sha256:abc" });
    expect(find(app, "HorizontalPodAutoscaler", "node")["spec"]).toMatchObject({
      minReplicas: 2,
      scaleTargetRef: { kind: "Deployment", name: "node" },
      metrics: [{ type: "ContainerResource", containerResource: { target: { averageUtilization: 60 } } }],
      behavior: { scaleUp: { policies: [{ type: "Percent", periodSeconds: 15 }, { type: "Pods" }] } },
    });
    expect(find(objects("data"), "NetworkPolicy", "redis-replica")["spec"]).toMatchObject({
      podSelector: { matchLabels: { "app.kubernetes.io/name": "redis-replica" } },
      egress: [{ ports: [{ port: 6379, protocol: "TCP" }] }, {}, {}],
    });
    expect(find(app, "RoleBinding", "node")).toMatchObject({
      roleRef: { kind: "Role", name: "node" },
      subjects: [{ kind: "ServiceAccount", name: "node", namespace: "iacproject" }],
    });
  });
  it("name the Service for an address that is assigned at creation", () => {
    const config = find(objects("data", { redis: { durability: "ha" } }), "ConfigMap", "redis-config");
    expect(JSON.stringify(config)).toContain(`${CLUSTER_IP_OF}redis-main-0`);
  });
  it("name what is known only at deploy time", () => {
    expect(layerManifests("data", stacks(), given).left).toEqual(["NetworkPolicy node-kubernetes-api"]);
  });
  it("have charts with their values", () => {
    const { releases } = layerManifests("observability", stacks(), given);
    expect(releases.map((r) => r.name)).toEqual(["kube-prometheus-stack"]);
    expect(JSON.parse(releases[0]!.values)).toHaveProperty("grafana");
  });
});
