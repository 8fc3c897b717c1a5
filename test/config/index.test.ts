import { parseConfig } from "../../config";
import { parse, refusal } from "../helpers/refusal";

describe("defaults", () => {
  it("accept an empty configuration", () => {
    const config = parse({});
    expect(config.namespaces).toEqual({
      app: "iacproject",
      monitoring: "monitoring",
      keda: "keda",
      create: true,
      quota: false,
    });
    expect(config.scaling.replicas.min).toBeGreaterThanOrEqual(2);
    expect(config.clusterIsNamed).toBe(false);
  });
  it("keep states in an existing namespace, which no destroy deletes", () => {
    const state = { backend: "kubernetes", namespace: "team-7" };
    expect(parse({ state, namespaces: { app: "team-7", create: false } }).state.namespace).toBe("team-7");
  });
  it("make nodes pull from the registry to which this machine pushes", () => {
    expect(parse({ registry: { push: "registry.example/team" } }).registry.pull).toBe("registry.example/team");
    expect(parse({ registry: { push: "localhost:5001", pull: "kind-registry:5000" } }).registry.pull).toBe(
      "kind-registry:5000",
    );
  });
  it("use plain HTTP only for a registry on this machine", () => {
    expect(parse({}).registry.insecure).toBe(true);
    for (const push of ["localhost", "localhost:5000/team", "127.0.0.1:5000/a/b", "[::1]:5000", "[::1]:5000/team"])
      expect([push, parse({ registry: { push } }).registry.insecure]).toEqual([push, true]);
    for (const push of [
      "registry.example",
      "registry.example/localhost",
      "localhost.example:5000",
      "[2001:db8::1]:5000",
    ])
      expect([push, parse({ registry: { push } }).registry.insecure]).toEqual([push, false]);
  });
  it("treat the cluster as chosen if a context, a file or KUBECONFIG names it", () => {
    expect(parse({ cluster: { context: "kind-x" } }).clusterIsNamed).toBe(true);
    expect(parse({ cluster: { kubeconfig: "k.yaml" } }).clusterIsNamed).toBe(true);
    expect(parseConfig({}, { home: "/h", kubeconfigEnv: "/a:/b" })).toMatchObject({
      clusterIsNamed: true,
      kubeconfigs: ["/a", "/b"],
    });
  });
});

describe("errors name the key, the value and the accepted values", () => {
  it.each([
    ["an unknown key", { redis: { durabilty: "safe" } }, /^redis\.durabilty: unknown key; accepted here: durability/],
    ["a wrong type", { registry: { push: 3 } }, /^registry\.push: 3 is not accepted; expected string/],
    [
      "an unknown choice",
      { observability: "maybe" },
      /^observability: "maybe" is not accepted; expected one of install, existing, none/,
    ],
    ["crossed bounds", { scaling: { node: { min: 5, max: 2 } } }, /^scaling\.node\.min: 5 .*max \(2\)/],
    ["a single replica", { scaling: { replicas: { min: 1 } } }, /^scaling\.replicas\.min: 1 .*at least 2/],
    [
      "a target above the request",
      { scaling: { react: { cpuTarget: 150 } } },
      /^scaling\.react\.cpuTarget: 150 .*at most 100/,
    ],
    ["an invalid quantity", { redis: { storage: "lots" } }, /^redis\.storage: "lots" .*Kubernetes quantity/],
    [
      "a registry with a scheme",
      { registry: { push: "https://user:x@registry.example" } },
      /^registry\.push: .*without a scheme/,
    ],
    ["root as user", { images: { node: { runAsUser: 0 } } }, /^images\.node\.runAsUser: 0 .*at least 1/],
    [
      "an image without a tag",
      { images: { node: { image: "node-api" } } },
      /^images\.node\.image: "node-api" .*tag or a digest/,
    ],
    ["S3 without a bucket", { state: { backend: "s3" } }, /^state\.backend: .*state\.bucket and state\.region/],
    [
      "state in a namespace that a destroy deletes",
      { state: { backend: "kubernetes", namespace: "iacproject" } },
      /^state\.namespace: "iacproject" .*destroys/,
    ],
    ["Ingress without a host", { exposure: { type: "Ingress" } }, /^exposure\.host: is required/],
    ["a node port without NodePort", { exposure: { nodePort: 30080 } }, /^exposure\.nodePort: 30080 .*NodePort/],
    [
      "annotations of an Ingress without one",
      { exposure: { type: "LoadBalancer", annotations: { "a.example/b": "c" } } },
      /^exposure\.annotations: .*exposure\.serviceAnnotations/,
    ],
    [
      "an annotation whose key Kubernetes does not accept",
      { exposure: { serviceAnnotations: { "a b": "c" } } },
      /^exposure\.serviceAnnotations\.a b: the key is not accepted; expected a key such as example\.com\/name/,
    ],
    [
      "a label of ours",
      { exposure: { type: "Ingress", host: "h", labels: { "app.kubernetes.io/name": "x" } } },
      /^exposure\.labels\..*a different key, because this project or kubectl sets that one/,
    ],
    [
      "the class of an Ingress twice",
      {
        exposure: {
          type: "Ingress",
          host: "h",
          ingressClass: "nginx",
          annotations: { "kubernetes.io/ingress.class": "x" },
        },
      },
      /^exposure\.annotations: .*ingress\.class/,
    ],
    ...["https://page.example.com", "page.example.com/shop", "page.example.com:8080", "Page.example.com"].map(
      (host): [string, object, RegExp] => [
        `${host} as a host name`,
        { exposure: { type: "Ingress", host } },
        /^exposure\.host: .*expected a host name such as page\.example\.com.* without a scheme, a port or a path$/,
      ],
    ),
    ...Object.entries({ host: "page.example", ingressClass: "nginx", tlsSecret: "page-tls" }).map(
      ([key, value]): [string, object, RegExp] => [
        `${key} without an Ingress`,
        { exposure: { type: "LoadBalancer", [key]: value } },
        new RegExp(
          `^exposure\\.${key}: "${value}" is not accepted; requires exposure\\.type Ingress; set that, or remove it$`,
        ),
      ],
    ),
    [
      "the front's node port for Grafana too",
      { exposure: { type: "NodePort", nodePort: 30080 }, monitoring: { grafanaNodePort: 30080 } },
      /^exposure\.nodePort: 30080 .*must differ from monitoring\.grafanaNodePort$/,
    ],
    [
      "one port for two forwards to the kind cluster",
      { cluster: { kind: { pagePort: 3000 } } },
      /^cluster\.kind\.grafanaPort: .*must differ from cluster\.kind\.pagePort$/,
    ],
    [
      "a volume that Prometheus would fill",
      { monitoring: { storage: "4Gi", retentionSize: "4GB" } },
      /^monitoring\.storage: "4Gi" .*must be above monitoring\.retentionSize \(4GB, which is 4Gi\)/,
    ],
    [
      "memory in thousandths of a byte",
      { node: { resources: { memory: "96m" } } },
      /^node\.resources\.memory: "96m" .*suffix m.*use Mi$/,
    ],
    [
      "a memory limit of 0",
      { react: { resources: { memory: "4Mi", memoryLimit: "0" } } },
      /^react\.resources\.memoryLimit: "0" .*at least 4Mi/m,
    ],
    [
      "too little memory",
      { redis: { exporter: { memory: "64Ki" } } },
      /^redis\.exporter\.memory: "64Ki" .*at least 4Mi$/,
    ],
    [
      "a volume too small for any backup",
      { redis: { backup: { storage: "1Ki" } } },
      /^redis\.backup\.storage: "1Ki" .*at least 4Mi$/,
    ],
    [
      "CPU in bytes",
      { node: { resources: { cpuLimit: "1Gi" } } },
      /^node\.resources\.cpuLimit: "1Gi" .*cores or millicores/,
    ],
    [
      "the control plane without Services in kube-system",
      { monitoring: { controlPlane: true, kubeSystem: false } },
      /^monitoring\.controlPlane: .*monitoring\.kubeSystem/,
    ],
    [
      "one namespace with node-exporter",
      { namespaces: { monitoring: "iacproject" } },
      /^namespaces\.monitoring: .*privileged/,
    ],
    [
      "a receiver of an unknown type",
      { monitoring: { receivers: [{ type: "pigeon", name: "x" }] } },
      /^monitoring\.receivers\.0\.type/,
    ],
    [
      "two receivers with the same name",
      {
        monitoring: {
          receivers: ["a", "b"].map((key) => ({ type: "webhook", name: "ops", secret: { name: "hooks", key } })),
        },
      },
      /^monitoring\.receivers\.1\.name: "ops" .*unique/,
    ],
    [
      "a receiver with a reserved name",
      { monitoring: { receivers: [{ type: "webhook", name: "heartbeat", secret: { name: "hooks", key: "a" } }] } },
      /^monitoring\.receivers\.0\.name: "heartbeat" .*unique/,
    ],
    [
      "a latency between two buckets",
      { monitoring: { objectives: { latency: { seconds: 0.3 } } } },
      /^monitoring\.objectives\.latency\.seconds: 0\.3/,
    ],
    ["an objective of 100 %", { monitoring: { objectives: { availability: 100 } } }, /at most 99\.999/],
  ])("%s", (_, input, expected) => {
    expect(refusal(input)).toMatch(expected);
  });
  it.each([
    { exposure: { type: "Ingress", host: "*.page.example.com", ingressClass: "nginx", tlsSecret: "page-tls" } },
    { monitoring: { storage: "5Gi", retentionSize: "4GB" } },
    { monitoring: { storage: "1Gi" }, observability: "existing" },
    { cluster: { kind: { pagePort: null, grafanaPort: null } } },
    { node: { resources: { cpu: "0.1", memory: "64M", memoryLimit: "1G" } } },
  ])("%j is accepted", (input) => expect(refusal(input)).toBe("accepted"));
  it("all problems are reported at once", () => {
    expect(refusal({ observability: "maybe", registry: { push: 3 } }).split("\n")).toHaveLength(2);
  });
});
