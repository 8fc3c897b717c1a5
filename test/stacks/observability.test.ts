import { alerts } from "../dashboards/expressions";
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

it("keeps its namespace at restricted without node-exporter, the one part that needs more", () => {
  const level = (over: object) =>
    resources({ observability: layer(over) }, "kubernetes_namespace_v1")[0]!.body["metadata"].labels[
      "pod-security.kubernetes.io/enforce"
    ] as string;
  expect(level({})).toBe("privileged");
  expect(level({ monitoring: { nodeExporter: false } })).toBe("restricted");
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

it("leaves out the alerts that the configuration names, ours and the chart's", () => {
  const monitoring = { disabledAlerts: ["NodeClockNotSynchronising", "PodsPending"] };
  const without = values({ monitoring });
  expect(without["defaultRules"].disabled).toMatchObject({ NodeClockNotSynchronising: true, PodsPending: true });
  const ours = (v: Json) => JSON.stringify(v["additionalPrometheusRulesMap"]);
  expect(ours(values())).toContain('"PodsPending"');
  expect(ours(without)).not.toContain('"PodsPending"');
});

it("goes by the objectives of the configuration", () => {
  const monitoring = { objectives: { availability: 99, latency: { percent: 95, seconds: 0.5 } } };
  const { groups } = values({ monitoring })["additionalPrometheusRulesMap"].iacproject;
  const [availability, latency] = groups[0].rules as Json[];
  expect(availability!["expr"]).toMatch(/ \/ 0\.01$/);
  expect(latency!["expr"]).toMatch(/le="0\.5".* \/ 0\.05$/);
});

describe("Grafana", () => {
  it("has a password that is only in its Secret, mounted as a file", () => {
    const json = layer();
    expect(json["ephemeral"].random_password.grafana_admin_admin_password).toBeDefined();
    const { grafana } = values();
    expect(grafana.adminPassword).toBeUndefined();
    expect(grafana.env.GF_SECURITY_ADMIN_PASSWORD__FILE).toBe("/run/secrets/grafana/admin-password");
    expect(JSON.stringify(json["output"])).not.toContain("random_password");
  });
  it("is on a port of each node where one is named", () => {
    expect(values()["grafana"].service).toBeUndefined();
    expect(values({ monitoring: { grafanaNodePort: 30030 } })["grafana"].service).toEqual({
      type: "NodePort",
      nodePort: 30030,
    });
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
  it("gives the heartbeat to whoever listens for it, every minute, and to nobody else", () => {
    const { config: c, alertmanagerSpec } = values({
      monitoring: {
        heartbeat: secret,
        receivers: [{ type: "webhook", name: "ops", secret: { name: "more", key: "url" } }],
      },
    })["alertmanager"];
    expect(alertmanagerSpec.secrets).toEqual(["more", "hooks"]);
    expect(c.route.routes[0]).toMatchObject({
      receiver: "heartbeat",
      matchers: ["alertname = Watchdog"],
      repeat_interval: "1m",
    });
    expect(c.route.routes[0].continue).toBeUndefined();
    expect(c.receivers[1].webhook_configs[0].url_file).toBe("/etc/alertmanager/secrets/hooks/url");
  });
  it("keeps silent what another alert explains", () => {
    const rules = config([]).config.inhibit_rules as Json[];
    const of = (source: string) => rules.find((r) => r["source_matchers"][0] === `alertname = ${source}`)!;
    expect(of("RedisMainDown")["target_matchers"][0]).toContain("RedisReplicaUnlinked");
    const names = alerts.map((a) => a.alert);
    for (const rule of rules.filter((r) => r["equal"].length === 1)) {
      const [, source] = /^alertname = (\w+)$/.exec(rule["source_matchers"][0])!;
      const [, targets] = /^alertname =~ "([\w|]+)"$/.exec(rule["target_matchers"][0])!;
      for (const name of [source, ...targets!.split("|")]) expect(names).toContain(name);
    }
  });
});
