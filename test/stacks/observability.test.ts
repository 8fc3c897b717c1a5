import { resources, synthesize, type Json } from "../helpers/layers";

const layer = (over: object = {}) => synthesize(over).observability;
const values = (over: object = {}): Json =>
  JSON.parse(resources({ observability: layer(over) }, "helm_release")[0]!.body["values"][0]) as Json;

it("installs one release, with everything of ours in its values and in ConfigMaps", () => {
  const types = new Set(resources({ observability: layer() }).map((r) => r.type));
  expect([...types].sort()).toEqual([
    "helm_release",
    "kubernetes_config_map_v1",
    "kubernetes_namespace_v1",
    "kubernetes_secret_v1",
  ]);
});

it("installs nothing where the configuration says none", () => {
  expect(resources({ observability: layer({ observability: "none" }) })).toEqual([]);
});

it("brings monitors, rules and dashboards, and no chart, to a Prometheus that is there", () => {
  const found = resources({
    observability: layer({ observability: "existing", monitoring: { selectorLabels: { release: "prom" } } }),
  });
  const kinds = found.filter((r) => r.type === "kubernetes_manifest").map((r) => r.body["manifest"]);
  expect(found.some((r) => r.type === "helm_release")).toBe(false);
  expect(new Set(kinds.map((m: Json) => m["kind"]))).toEqual(new Set(["ServiceMonitor", "PrometheusRule"]));
  for (const m of kinds) expect(m.metadata.labels["release"]).toBe("prom");
});

describe("Prometheus", () => {
  it("takes monitors and rules of others too", () => {
    const { prometheusSpec } = values()["prometheus"];
    for (const key of ["serviceMonitor", "podMonitor", "rule", "probe", "scrapeConfig"]) {
      expect(prometheusSpec[`${key}SelectorNilUsesHelmValues`]).toBe(false);
    }
  });
  it("asks the exporter about each Redis pod by name", () => {
    const redis = values()["prometheus"].additionalServiceMonitors.find((m: Json) => m["name"] === "iacproject-redis");
    const [endpoint] = redis.endpoints;
    expect(endpoint.path).toBe("/scrape");
    expect(endpoint.relabelings).toContainEqual(
      expect.objectContaining({ targetLabel: "__param_target", replacement: "redis://$1:6379" }),
    );
  });
  it("does not ask an image for metrics that it has not", () => {
    const names = values({ images: { node: { metricsPath: null } } })["prometheus"].additionalServiceMonitors.map(
      (m: Json) => m["name"],
    );
    expect(names).not.toContain("iacproject-node");
    expect(names).toContain("iacproject-react");
  });
  it("has a volume where the configuration gives one", () => {
    expect(values()["prometheus"].prometheusSpec.storageSpec).toBeUndefined();
    expect(
      values({ monitoring: { storage: "5Gi" } })["prometheus"].prometheusSpec.storageSpec.volumeClaimTemplate.spec
        .resources.requests.storage,
    ).toBe("5Gi");
  });
});

describe("what most clusters do not show is off, so that nothing fires for ever", () => {
  it.each(["kubeEtcd", "kubeScheduler", "kubeControllerManager", "kubeProxy"])("%s", (part) => {
    expect(values()[part].enabled).toBe(false);
    expect(values({ monitoring: { controlPlane: true } })[part].enabled).toBe(true);
  });
});

describe("Grafana", () => {
  it("has a password that is only in its Secret, mounted as a file", () => {
    const json = layer();
    expect(json["ephemeral"].random_password.grafana_admin).toBeDefined();
    const { grafana } = values();
    expect(grafana.adminPassword).toBeUndefined();
    expect(grafana.env.GF_SECURITY_ADMIN_PASSWORD__FILE).toBe("/run/secrets/grafana/admin-password");
    expect(JSON.stringify(json["output"])).not.toContain("random_password");
  });
  it("knows Prometheus and Alertmanager before it starts", () => {
    const urls = values()["grafana"].datasources["datasources.yaml"].datasources.map((d: Json) => d["url"]);
    expect(urls).toHaveLength(2);
    for (const url of urls) expect(url).toMatch(/^http:\/\/kube-prometheus-stack-(prometheus|alertmanager)\./);
  });
});

describe("Alertmanager", () => {
  const config = (receivers: object[]) => values({ monitoring: { receivers } })["alertmanager"];
  const secret = { name: "hooks", key: "url" };
  it("works without any account", () => {
    expect(config([]).config.route.receiver).toBe("none");
  });
  it.each([
    [{ type: "webhook", name: "ops", secret }, ["webhook_configs", "url_file"]],
    [{ type: "slack", name: "ops", channel: "#ops", secret }, ["slack_configs", "api_url_file"]],
    [
      {
        type: "email",
        name: "ops",
        to: "ops@example.org",
        from: "a@example.org",
        smarthost: "mail.example.org:587",
        secret,
      },
      ["email_configs", "auth_password_file"],
    ],
  ])("reads the secret of %j from a mounted file", (receiver, [kind, field]) => {
    const { config: c, alertmanagerSpec } = config([receiver]);
    expect(alertmanagerSpec.secrets).toEqual(["hooks"]);
    expect(c.receivers[1][kind!][0][field!]).toBe("/etc/alertmanager/secrets/hooks/url");
    expect(c.route.routes.at(-1)).toMatchObject({ receiver: "ops" });
  });
  it("keeps the heartbeat away from people", () => {
    expect(config([]).config.route.routes[0]).toEqual({
      receiver: "none",
      matchers: [expect.stringContaining("Watchdog")],
    });
  });
  it("keeps replica alarms silent while main is down", () => {
    expect(config([]).config.inhibit_rules[0]).toEqual({
      source_matchers: ["alertname = RedisMainDown"],
      target_matchers: ["alertname = RedisReplicaUnlinked"],
    });
  });
});
