import { Autoscaler } from "../../modules/autoscaling/autoscaler";
import { REVISION } from "../../modules/kubernetes/workload";
import { appLayer, resources, synthesize, testConfig, workload, type Json } from "../helpers/layers";

const all = synthesize();
const container = (w: Json): Json => w["spec"].template.spec.containers[0];
const hpas = (layers: Partial<typeof all>) =>
  resources(layers, "kubernetes_horizontal_pod_autoscaler_v2").map((r) => r.body);

describe("the API", () => {
  const node = container(workload(all, "node"));
  it("runs the image of layer images", () => {
    expect(node["image"]).toBe("${data.terraform_remote_state.images-state.outputs.node_image}");
  });
  it("knows Redis by the outputs of layer data, and its password by a file", () => {
    const env = Object.fromEntries(node["env"].map((e: { name: string; value: string }) => [e.name, e.value]));
    expect(env["REDIS_MAIN_URL"]).toContain("outputs.redis_main_host");
    expect(env["REDIS_REPLICAS_URL"]).toContain("outputs.redis_replicas_host");
    expect(env).toMatchObject({
      REDIS_USER: "api-write",
      REDIS_PASSWORD_FILE: "/run/secrets/redis/api-write",
      REDIS_READ_USER: "api-read",
      REDIS_READ_PASSWORD_FILE: "/run/secrets/redis/api-read",
    });
    const { volumes } = workload(all, "node")["spec"].template.spec;
    expect(volumes.find((v: { name: string }) => v.name === "redis-users").secret.items).toEqual(
      ["api-write", "api-read"].map((key) => ({ key, path: key })),
    );
    expect(node["volumeMounts"]).toContainEqual({
      name: "redis-users",
      mountPath: "/run/secrets/redis",
      readOnly: true,
    });
  });
  const envOf = (over: object) =>
    Object.fromEntries(
      container(workload(synthesize(over), "node"))["env"].map((e: { name: string; value: string }) => [
        e.name,
        e.value,
      ]),
    ) as Record<string, string>;
  it("watches the replicas' endpoints, goes by DNS where it cannot, by address last", () => {
    const watch = envOf({});
    expect(watch["REDIS_REPLICAS_WATCH"]).toMatch(/outputs\.namespace\}\/\$\{.*outputs\.redis_replicas_host\}$/);
    expect(watch["REDIS_REPLICAS_DNS"]).toMatch(/outputs\.redis_replicas_headless_host\}.*\.svc\.cluster\.local\.:/);
    const dns = envOf({ node: { discovery: "dns" } });
    expect(dns).not.toHaveProperty("REDIS_REPLICAS_WATCH");
    expect(dns).toHaveProperty("REDIS_REPLICAS_DNS");
    const address = envOf({ node: { discovery: "address" } });
    expect(address).not.toHaveProperty("REDIS_REPLICAS_DNS");
    expect(address).toHaveProperty("REDIS_REPLICAS_URL");
  });
  it("may list and watch endpoints in its namespace, nothing else, with a token that is renewed", () => {
    const [role] = resources({ app: all.app }, "kubernetes_role_v1").map((r) => r.body);
    expect(role!["rule"]).toEqual([
      { api_groups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: ["list", "watch"] },
    ]);
    const { spec } = workload(all, "node")["spec"].template;
    expect(spec.automountServiceAccountToken).toBe(false);
    expect(spec.serviceAccountName).toContain("kubernetes_service_account_v1");
    const volume = spec.volumes.find((v: Json) => v["name"] === "kubernetes-api") as Json;
    expect(volume["projected"].sources[0].serviceAccountToken.expirationSeconds).toBe(3600);
  });
  it.each(["dns", "address"])("has no account, role or token where it finds replicas by %s", (discovery) => {
    const layers = synthesize({ node: { discovery } });
    for (const type of ["service_account_v1", "role_v1", "role_binding_v1"]) {
      expect(resources({ app: layers.app }, `kubernetes_${type}`)).toEqual([]);
    }
    const { spec } = workload(layers, "node")["spec"].template;
    // by name, not left out: seen in the lab, a field left out again keeps its old value
    expect(spec.serviceAccountName).toBe("default");
    expect(spec.volumes.some((v: Json) => v["projected"])).toBe(false);
  });
  it("takes its bounds from the configuration", () => {
    expect(
      envOf({ node: { maxInFlight: 99, connectionAgeSeconds: 3, maxLagSeconds: 2 }, redis: { staleSeconds: 7 } }),
    ).toMatchObject({
      MAX_IN_FLIGHT: "99",
      CONNECTION_AGE_MS: "3000",
      REDIS_MAX_LAG_MS: "2000",
      REDIS_MAX_STALE_SECONDS: "7",
    });
  });
  it("takes port, probes and security of another image from the configuration", () => {
    const other = container(
      workload(
        synthesize({
          images: {
            node: { port: 4000, livenessPath: "/", readinessPath: "/ok", readOnlyRootFilesystem: false, runAsUser: 7 },
          },
        }),
        "node",
      ),
    );
    expect(other["ports"][0].containerPort).toBe(4000);
    expect(other["livenessProbe"].httpGet.path).toBe("/");
    expect(other["readinessProbe"].httpGet.path).toBe("/ok");
    expect(other["securityContext"].readOnlyRootFilesystem).toBe(false);
  });
  it("is pulled with the configured secrets", () => {
    const { spec } = workload(synthesize({ images: { pullSecrets: ["team-registry"] } }), "node")["spec"].template;
    expect(spec.imagePullSecrets).toEqual([{ name: "team-registry" }]);
  });
});

describe("rolling updates lose nothing", () => {
  it.each(["node", "react"])("%s adds a Ready pod before it takes one away, and drains before it stops", (name) => {
    const w = workload(all, name);
    expect(w["spec"].strategy.rollingUpdate.maxUnavailable).toBe(0);
    const { terminationGracePeriodSeconds } = w["spec"].template.spec;
    expect(container(w)["lifecycle"].preStop.exec.command.join(" ")).toMatch(/sleep 10$/);
    // pause, callers that still come, the longest answer
    expect(terminationGracePeriodSeconds).toBeGreaterThan(10 + 5 + 30);
  });
});

describe("autoscalers", () => {
  it.each(["node", "react", "redis-replicas", "redis-exporter"])(
    "%s scales by the CPU of its own container, quickly up and slowly down",
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
  it("take their bounds and targets from the configuration", () => {
    const [hpa] = hpas({ app: synthesize({ scaling: { node: { min: 3, max: 9, cpuTarget: 45 } } }).app });
    expect(hpa!["spec"]).toMatchObject({ min_replicas: 3, max_replicas: 9 });
    expect(hpa!["spec"].metric[0].container_resource.target.average_utilization).toBe(45);
  });
  it("refuse what makes no sense, and say why", () => {
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
      /scaleDownWindowSeconds is 15, below two metric ages \(20 s\)/,
    );
  });
});

describe("the replica count belongs to the autoscaler", () => {
  it("a change of anything is a change inside spec, so that the count that a plan saw is never sent", () => {
    const revision = (over: object) =>
      workload(synthesize(over), "node")["spec"].template.metadata.annotations[REVISION];
    const base = revision({});
    expect(revision({})).toBe(base);
    expect(revision({ node: { resources: { cpu: "200m" } } })).not.toBe(base);
    expect(revision({ images: { pullSecrets: ["x"] } })).not.toBe(base);
  });
  it("all of spec is computed by the server, and a conflict is never forced", () => {
    for (const { body } of resources(all, "kubernetes_manifest")) {
      expect(body["computed_fields"]).toContain("spec");
      expect(body["field_manager"]).toEqual({ name: "terraform" });
    }
  });
});

describe("metrics-server", () => {
  const release = (over: object) => resources({ app: synthesize(over).app }, "helm_release").map((r) => r.body)[0];
  it("measures every 10 s, with a kubelet time-out below 0.9 of that", () => {
    const values = JSON.parse(release({})!["values"][0]) as { defaultArgs: string[]; args: string[] };
    expect(values.defaultArgs).toContain("--metric-resolution=10s");
    expect(values.defaultArgs).toContain("--kubelet-request-timeout=9s");
    expect(values.args).toEqual(["--kubelet-insecure-tls"]);
  });
  it("is left alone where the cluster has its own", () => {
    expect(release({ metricsServer: { mode: "existing" } })).toBeUndefined();
  });
  it("checks the kubelets' certificates where they are signed", () => {
    expect(JSON.parse(release({ metricsServer: { kubeletInsecureTls: false } })!["values"][0]).args).toEqual([]);
  });
});

describe("charts", () => {
  it("come from their repositories by exact version", () => {
    for (const { body } of resources(all, "helm_release")) {
      expect(body["repository"]).toMatch(/^https:/);
      expect(body["version"]).toMatch(/^\d+\.\d+\.\d+$/);
    }
  });
  it("of a folder must be there; the refusal names the file and how to get it", () => {
    expect(() => synthesize({ charts: { dir: __dirname } })).toThrow(
      /metrics-server-.*\.tgz does not exist; the folder holds no chart\. Get it with: helm pull metrics-server/,
    );
    expect(() => synthesize({ charts: { dir: "/nowhere" } })).toThrow(/the folder does not exist/);
  });
});

describe("exposure", () => {
  const service = (over: object) =>
    resources({ app: synthesize(over).app }, "kubernetes_service_v1").find((r) => r.body["metadata"].name === "react")!
      .body["spec"];
  it("is inside the cluster by default, or by node port", () => {
    expect(service({}).type).toBe("ClusterIP");
    expect(service({ exposure: { type: "NodePort", nodePort: 30080 } })).toMatchObject({
      type: "NodePort",
      port: [{ node_port: 30080 }],
    });
  });
  it("is by Ingress with a host and, where named, a certificate", () => {
    const { app } = synthesize({ exposure: { type: "Ingress", host: "page.example", tlsSecret: "page-tls" } });
    const [ingress] = resources({ app }, "kubernetes_ingress_v1");
    expect(ingress!.body["spec"].rule[0].host).toBe("page.example");
    expect(ingress!.body["spec"].tls).toEqual([{ hosts: ["page.example"], secret_name: "page-tls" }]);
  });
});
