import { parseQuantity } from "../../../config";
import { resources, synthesize, workload } from "../../helpers/layers";

describe("exposure", () => {
  const service = (over: object) =>
    resources({ app: synthesize(over).app }, "kubernetes_service_v1").find((r) => r.body["metadata"].name === "react")!
      .body["spec"];
  it("the front's Service is cluster-internal by default, and can have a node port", () => {
    expect(service({}).type).toBe("ClusterIP");
    expect(service({ exposure: { type: "NodePort", nodePort: 30080 } })).toMatchObject({
      type: "NodePort",
      port: [{ node_port: 30080 }],
    });
  });
  it("the exposed objects have the annotations and labels from the configuration in addition to their own labels", () => {
    const { app } = synthesize({
      exposure: {
        type: "Ingress",
        host: "page.example",
        annotations: { "nginx.ingress.kubernetes.io/proxy-body-size": "2m", "a.example/template": "${x}", "b/n": 60 },
        labels: { shard: "public" },
        serviceAnnotations: { "cloud.google.com/backend-config": '{"default":"page"}' },
      },
    });
    const ingress = resources({ app }, "kubernetes_ingress_v1")[0]!.body["metadata"];
    expect(ingress.annotations).toEqual({
      "nginx.ingress.kubernetes.io/proxy-body-size": "2m",
      "a.example/template": "$${x}",
      "b/n": "60",
    });
    expect(ingress.labels).toMatchObject({ shard: "public", "app.kubernetes.io/name": "react" });
    const services = resources({ app }, "kubernetes_service_v1").map((r) => r.body["metadata"]);
    expect(Object.fromEntries(services.map((m) => [m.name, m.annotations]))).toEqual({
      node: undefined,
      react: { "cloud.google.com/backend-config": '{"default":"page"}' },
    });
  });
  it("the page can have an Ingress with a host and, if configured, a certificate", () => {
    const { app } = synthesize({ exposure: { type: "Ingress", host: "page.example", tlsSecret: "page-tls" } });
    const [ingress] = resources({ app }, "kubernetes_ingress_v1");
    expect(ingress!.body["spec"].rule[0].host).toBe("page.example");
    expect(ingress!.body["spec"].tls).toEqual([{ hosts: ["page.example"], secret_name: "page-tls" }]);
  });
});

describe("nginx", () => {
  it.each([
    [{ react: { resources: { memoryLimit: "96Mi" } } }, 96 * 2 ** 20],
    [{ react: { resources: { memoryLimit: "1Gi" } } }, 2 ** 30],
  ])("nginx gets the container's memory limit in bytes, so that it can stay below the limit", (over, bytes) => {
    const { env, resources: given } = workload(synthesize(over), "react")["spec"].template.spec.containers[0];
    expect(env).toContainEqual({ name: "MEMORY_LIMIT", value: String(bytes) });
    expect(parseQuantity(given.limits.memory as string)).toBe(bytes);
  });
});
