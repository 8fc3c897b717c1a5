import { resources, synthesize, workload, type Json } from "../../helpers/layers";

const all = synthesize();
const container = (w: Json): Json => w["spec"].template.spec.containers[0];

describe("the API", () => {
  const node = container(workload(all, "node"));
  it("runs the image from layer images", () => {
    expect(node["image"]).toBe("${data.terraform_remote_state.images-state.outputs.node_image}");
  });
  it("the API gets Redis' addresses from the outputs of layer data, and its passwords from files", () => {
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
  it("the API of a Sentinel group has a separate user, so that members can refuse the API of a single main", () => {
    const env = envOf({ redis: { durability: "ha" } });
    expect([env["REDIS_USER"], env["REDIS_PASSWORD_FILE"]]).toEqual(["api-commit", "/run/secrets/redis/api-write"]);
  });
  it("the API discovers replicas through their endpoints, with DNS and the Service's address as fallbacks", () => {
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
  it("the API may list and watch endpoints in its namespace and nothing else, with a token that is renewed", () => {
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
  it.each(["dns", "address"])(
    "the API has no ServiceAccount, Role or token if it finds replicas by %s",
    (discovery) => {
      const layers = synthesize({ node: { discovery } });
      for (const type of ["service_account_v1", "role_v1", "role_binding_v1"]) {
        expect(resources({ app: layers.app }, `kubernetes_${type}`)).toEqual([]);
      }
      const { spec } = workload(layers, "node")["spec"].template;
      // set explicitly, because removing the field has been seen to leave the old value in place
      expect(spec.serviceAccountName).toBe("default");
      expect(spec.volumes.some((v: Json) => v["projected"])).toBe(false);
    },
  );
  it("takes its limits from the configuration", () => {
    expect(
      envOf({ node: { maxInFlight: 99, connectionAgeSeconds: 3, maxLagSeconds: 2 }, redis: { staleSeconds: 7 } }),
    ).toMatchObject({
      MAX_IN_FLIGHT: "99",
      CONNECTION_AGE_MS: "3000",
      REDIS_MAX_LAG_MS: "2000",
      REDIS_MAX_STALE_SECONDS: "7",
    });
  });
  it("the API uses the configured port, probes and security settings if another image is configured", () => {
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
  it("is pulled with the configured pull secrets", () => {
    const { spec } = workload(synthesize({ images: { pullSecrets: ["team-registry"] } }), "node")["spec"].template;
    expect(spec.imagePullSecrets).toEqual([{ name: "team-registry" }]);
  });
});
