import { monitoringValues as values, resources, synthesize, type Json } from "../../helpers/layers";

describe("Prometheus", () => {
  it("Prometheus also selects the monitors and rules of other releases", () => {
    const { prometheusSpec } = values()["prometheus"];
    for (const key of ["serviceMonitor", "podMonitor", "rule", "probe", "scrapeConfig"]) {
      expect(prometheusSpec[`${key}SelectorNilUsesHelmValues`]).toBe(false);
    }
  });
  it("another release's Prometheus and Alertmanager are not managed by the project's operator", () => {
    const { prometheusOperator, grafana } = values();
    const own = [grafana.sidecar.dashboards.searchNamespace];
    for (const kind of ["prometheus", "alertmanager", "thanosRuler"])
      expect(prometheusOperator[`${kind}InstanceNamespaces`]).toEqual(own);
  });
  it("Prometheus has a volume if the configuration sets one", () => {
    expect(values()["prometheus"].prometheusSpec.storageSpec).toBeUndefined();
    expect(
      values({ monitoring: { storage: "5Gi" } })["prometheus"].prometheusSpec.storageSpec.volumeClaimTemplate.spec
        .resources.requests.storage,
    ).toBe("5Gi");
  });
});

describe("monitoring is off for components that most clusters do not expose, so that their alerts do not fire permanently", () => {
  it.each(["kubeEtcd", "kubeScheduler", "kubeControllerManager", "kubeProxy"])("%s", (part) => {
    expect(values()[part].enabled).toBe(false);
    expect(values({ monitoring: { controlPlane: true } })[part].enabled).toBe(true);
  });
});

describe("on a cluster that forbids Services in kube-system and mounted host paths", () => {
  const strict = values({ monitoring: { kubeSystem: false, nodeExporter: false } });
  it("Prometheus finds the kubelets through a Service in its own namespace, and does not use CoreDNS or node-exporter", () => {
    expect(strict["coreDns"]).toEqual({ enabled: false });
    const { namespace } = strict["kubelet"];
    expect(strict["prometheusOperator"].kubeletService).toEqual({ namespace });
    expect(namespace).not.toBe("kube-system");
    expect(strict["nodeExporter"]).toEqual({ enabled: false });
  });
  it("has no alerts that need node-exporter", () => {
    const rules = { node: false, nodeExporterAlerting: false, nodeExporterRecording: false };
    expect(strict["defaultRules"].rules).toMatchObject(rules);
    for (const rule of Object.keys(rules)) expect(values()["defaultRules"].rules).not.toHaveProperty(rule);
  });
});

it("the layer leaves out the alerts that the configuration disables, both the project's and the chart's", () => {
  const monitoring = { disabledAlerts: ["NodeClockNotSynchronising", "PodsPending"] };
  const without = values({ monitoring });
  expect(without["defaultRules"].disabled).toMatchObject({ NodeClockNotSynchronising: true, PodsPending: true });
  const rules = (v: Json) => JSON.stringify(v["additionalPrometheusRulesMap"]);
  expect(rules(values())).toContain('"PodsPending"');
  expect(rules(without)).not.toContain('"PodsPending"');
});

it("uses the objectives from the configuration", () => {
  const monitoring = { objectives: { availability: 99, latency: { percent: 95, seconds: 0.5 } } };
  const { groups } = values({ monitoring })["additionalPrometheusRulesMap"].iacproject;
  const [availability, latency] = groups[0].rules as Json[];
  expect(availability!["expr"]).toMatch(/ \/ 0\.01$/);
  expect(latency!["expr"]).toMatch(/le="0\.5".* \/ 0\.05$/);
});

describe("Grafana", () => {
  it("Grafana has its password only in a Secret, mounted as a file", () => {
    const json = synthesize().observability;
    expect(json["ephemeral"].random_password.grafana_admin_admin_password).toBeDefined();
    const { grafana } = values();
    expect(grafana.adminPassword).toBeUndefined();
    expect(grafana.env.GF_SECURITY_ADMIN_PASSWORD__FILE).toBe("/run/secrets/grafana/admin-password");
    expect(JSON.stringify(json["output"])).not.toContain("random_password");
  });
  it("Grafana has a node port if one is configured", () => {
    expect(values()["grafana"].service).toBeUndefined();
    expect(values({ monitoring: { grafanaNodePort: 30030 } })["grafana"].service).toEqual({
      type: "NodePort",
      nodePort: 30030,
    });
  });
  it("Grafana has Prometheus and Alertmanager as data sources from the start", () => {
    const urls = values()["grafana"].datasources["datasources.yaml"].datasources.map((d: Json) => d["url"]);
    expect(urls).toHaveLength(2);
    for (const url of urls) expect(url).toMatch(/^http:\/\/kube-prometheus-stack-(prometheus|alertmanager)\./);
  });
  it("Grafana's password is created before the chart that reads it", () => {
    const [stack] = resources({ observability: synthesize().observability }, "helm_release").map((r) => r.body);
    expect(stack!["depends_on"]).toEqual([expect.stringMatching(/^kubernetes_secret_v1\..*grafana-admin/)]);
  });
});
