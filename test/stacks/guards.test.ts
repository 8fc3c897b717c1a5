/** Invariants of the entire synthesized output. */
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { parse, parseAllDocuments } from "yaml";
import { PROJECT_ROOT } from "../../catalog/paths";
import { CHARTS, type ChartName } from "../../catalog/versions";
import { SCALED } from "../../catalog/workloads";
import { deployedComponents, metricsPath } from "../../modules/kubernetes/sizing";
import { parseQuantity } from "../../modules/kubernetes/quantity";
import { IMAGE_NAMES } from "../../modules/images/resolve";
import { LAYERS } from "../../stacks/outputs";
import { containersOf, faults, isExact, podSpecOf } from "../helpers/pods";
import { demand } from "../helpers/demand";
import { resources, synthesize, testConfig, workloads, type Json } from "../helpers/layers";

const all = synthesize();
/** With the engine that adds another chart. */
const withKeda = synthesize({ scaling: { engine: "keda" } });
/** With the fast scaler, which is off by default. */
const withFast = synthesize({ scaling: { fast: true } });
const everyWorkload = [...workloads(all), ...workloads(withFast).filter((w) => w["metadata"].name === "scaler")];
const services = resources(all, "kubernetes_service_v1").map((r) => r.body);
const labelsOf = (w: Json): Record<string, string> => w["spec"].template.metadata.labels as Record<string, string>;
const selects = (selector: Record<string, string>, labels: Record<string, string>) =>
  Object.entries(selector).every(([k, v]) => labels[k] === v);

it("no autoscaler's target has a replica count", () => {
  const targets = resources(all, "kubernetes_horizontal_pod_autoscaler_v2").map((r) => r.body["spec"].scale_target_ref);
  expect(targets).toHaveLength(SCALED.length);
  for (const { kind, name } of targets) {
    const target = workloads(all).find((w) => w["kind"] === kind && w["metadata"].name === name);
    expect(target).toBeDefined();
    expect(target!["spec"]).not.toHaveProperty("replicas");
  }
});

it("an applied object that shares no fields with an autoscaler overwrites manual changes instead of failing the deployment", () => {
  const others = synthesize({ observability: "existing", redis: { backup: { schedule: "0 3 * * *" } } });
  const shared = (body: Json) => (body["computed_fields"] as string[] | undefined)?.includes("spec");
  const alone = resources(others, "kubernetes_manifest").filter((r) => !shared(r.body));
  expect(new Set(alone.map((r) => r.body["manifest"].kind))).toEqual(
    new Set(["CronJob", "PrometheusRule", "ServiceMonitor"]),
  );
  for (const { body } of alone) expect(body["field_manager"]).toEqual({ name: "terraform", force_conflicts: true });
});

describe("the quota has room for everything that is synthesized", () => {
  const scheduled = { redis: { backup: { schedule: "0 3 * * *" } } };
  it.each([
    ["by default", {}],
    [
      "with ha, keda and backups",
      { ...scheduled, redis: { durability: "ha", ...scheduled.redis }, scaling: { engine: "keda" } },
    ],
    ["with the fast scaler", { scaling: { fast: true } }],
  ])("%s", (_, over) => {
    const layers = synthesize({ namespaces: { quota: true }, ...over });
    const { hard } = resources(layers, "kubernetes_resource_quota_v1")[0]!.body["spec"] as Json;
    const { pods, cpu, memory, volumes } = demand(layers);
    // in addition, the quota allows only two headroom pods and one pod for the scheduled backup
    expect(Number(hard["pods"]) - pods).toBe("redis" in over ? 3 : 2);
    expect(parseQuantity(hard["requests.cpu"])).toBeGreaterThanOrEqual(cpu);
    expect(parseQuantity(hard["requests.memory"])).toBeGreaterThanOrEqual(memory);
    expect(Number(hard["persistentvolumeclaims"])).toBeGreaterThanOrEqual(volumes);
  });
});

it("each of the project's containers has requests, runs as non-root and has a read-only root filesystem", () => {
  for (const w of everyWorkload) {
    const spec = podSpecOf(w)!;
    for (const c of containersOf(spec))
      expect({ container: c["name"], faults: faults(spec, c) }).toEqual({ container: c["name"], faults: [] });
  }
});

it("each of the project's pods satisfies Pod Security restricted and has no API token", () => {
  for (const w of everyWorkload) {
    const spec = podSpecOf(w)!;
    expect(spec["automountServiceAccountToken"]).toBe(false);
    expect(spec["serviceAccountName"]).toBeTruthy();
    expect(spec["securityContext"].seccompProfile).toEqual({ type: "RuntimeDefault" });
    for (const key of ["hostNetwork", "hostPID", "hostIPC"]) expect(spec[key]).toBeUndefined();
    for (const c of containersOf(spec)) {
      expect(c["securityContext"].allowPrivilegeEscalation).toBe(false);
      expect(c["securityContext"].capabilities).toEqual({ drop: ["ALL"] });
    }
  }
});

it("the fast scaler has no disruption budget, because it has one pod, whose eviction only pauses fast scaling", () => {
  const scaler = everyWorkload.find((w) => w["metadata"].name === "scaler")!;
  expect(scaler["spec"].replicas).toBe(1);
  const budgets = resources(withFast, "kubernetes_pod_disruption_budget_v1");
  expect(budgets.filter((r) => selects(r.body["spec"].selector.match_labels, labelsOf(scaler)))).toEqual([]);
});

it("every workload has a disruption budget and is spread over nodes and zones", () => {
  const budgets = resources(all, "kubernetes_pod_disruption_budget_v1").map(
    (r) => r.body["spec"].selector.match_labels as Record<string, string>,
  );
  for (const w of workloads(all)) {
    expect(budgets.filter((b) => selects(b, labelsOf(w)))).toHaveLength(1);
    const keys = w["spec"].template.spec.topologySpreadConstraints.map((c: Json) => c["topologyKey"]);
    expect(keys).toEqual(["topology.kubernetes.io/zone", "kubernetes.io/hostname"]);
  }
});

it("how many pods a rollout adds is a number or a percentage, because the API server refuses a number as text", () => {
  for (const w of everyWorkload.filter((w) => w["kind"] === "Deployment")) {
    const surge = (w["spec"].strategy as Json)["rollingUpdate"].maxSurge as unknown;
    if (typeof surge !== "number")
      expect([w["metadata"].name, surge]).toEqual([w["metadata"].name, expect.stringMatching(/^\d+%$/)]);
  }
});

it("every third-party image has an exact tag", () => {
  const images = everyWorkload
    .flatMap((w) => containersOf(podSpecOf(w)!).map((c) => c["image"] as string))
    .filter((image) => !image.includes("terraform_remote_state"));
  expect(images.length).toBeGreaterThan(3);
  expect(images.filter((image) => !isExact(image))).toEqual([]);
});

it("each of the project's base images has an exact tag", () => {
  for (const name of IMAGE_NAMES) {
    const from = fs.readFileSync(path.join(PROJECT_ROOT, "images", name, "Dockerfile"), "utf8").match(/^FROM (\S+)/gm)!;
    for (const line of from) expect(line.replace("FROM ", "")).toMatch(/^docker\.io\/.*:\d+\.\d+\.\d+/);
  }
});

it("every Service selects exactly one workload's pods, and a port that they open", () => {
  expect(services.length).toBeGreaterThanOrEqual(7);
  for (const s of resources(withFast, "kubernetes_service_v1").map((r) => r.body)) {
    const found = workloads(withFast).filter((w) => selects(s["spec"].selector, labelsOf(w)));
    expect(found.map((w) => w["metadata"].name)).toHaveLength(1);
    const open = containersOf(podSpecOf(found[0]!)!).flatMap((c) =>
      (c["ports"] ?? []).map((p: Json) => String(p["containerPort"])),
    );
    for (const p of s["spec"].port) expect(open).toContain(p.target_port);
  }
});

it("each of the project's ServiceMonitors selects its Services and their port", () => {
  const values = JSON.parse(
    resources(all, "helm_release").find((r) => r.layer === "observability")!.body["values"][0],
  ) as Json;
  const monitors = values["prometheus"].additionalServiceMonitors as Json[];
  const served = deployedComponents(testConfig()).filter((component) => metricsPath(testConfig(), component) !== null);
  // one monitor per served component, and one for all Redis instances through the exporter
  expect(monitors.length).toBe(served.length + 1);
  for (const monitor of monitors) {
    const { matchLabels, matchExpressions } = monitor["selector"];
    const wanted = matchExpressions[0].values as string[];
    const found = services.filter(
      (s) => selects(matchLabels, s["metadata"].labels) && wanted.includes(s["metadata"].labels["iacproject/service"]),
    );
    expect(found.map((s) => s["metadata"].name).sort()).toEqual([...wanted].sort());
    for (const s of found) expect(s["spec"].port.map((p: Json) => p["name"])).toContain(monitor["endpoints"][0].port);
  }
});

it("each provider is pinned to one exact version", () => {
  for (const layer of LAYERS) {
    for (const provider of Object.values(all[layer]["terraform"].required_providers ?? {}) as { version: string }[]) {
      expect(provider.version).toMatch(/^\d+\.\d+\.\d+$/);
    }
    expect(all[layer]["terraform"].required_version).toMatch(/^>= 1\.11/);
  }
});

it("the output contains no secret values, only ephemeral references, mounted files and names", () => {
  const text = JSON.stringify(all);
  // every mention of a generated password is a reference in a write-only attribute
  for (const r of resources(all)) {
    const mentions = JSON.stringify(r.body).match(/ephemeral\.random_password/g) ?? [];
    const writeOnly = JSON.stringify(r.body["data_wo"] ?? "").match(/ephemeral\.random_password/g) ?? [];
    expect({ id: r.id, mentions: mentions.length }).toEqual({ id: r.id, mentions: writeOnly.length });
  }
  expect(text).not.toMatch(/"(password|adminPassword)":\s*"(?!\$\{ephemeral)[^"]/);
  for (const w of workloads(all)) {
    for (const c of containersOf(podSpecOf(w)!)) {
      for (const env of (c["env"] ?? []) as Json[]) {
        expect(env["valueFrom"]?.secretKeyRef).toBeUndefined();
        if (/PASSWORD|SECRET|TOKEN/.test(env["name"])) expect(env["name"]).toMatch(/_FILE$/);
      }
    }
  }
});

describe("the charts' rendered pods", () => {
  /** Exceptions for charts, each with its reason. */
  const EXCEPTIONS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    "Deployment/kube-prometheus-stack-grafana": {
      "init-chown-data: may run as root": "only with a volume; none is configured",
    },
  };
  const helm = [path.join(PROJECT_ROOT, ".tools", "bin", "helm"), "helm"].find((h) => {
    try {
      execFileSync(h, ["version"], { stdio: "ignore" });
      return true;
    } catch {
      return false;
    }
  });
  const charts = process.env["IAC_CHARTS_DIR"];
  const archive = (name: ChartName) => path.join(charts ?? "", `${CHARTS[name].name}-${CHARTS[name].version}.tgz`);
  const names = Object.keys(CHARTS) as ChartName[];
  const absent = names.map(archive).filter((file) => !fs.existsSync(file));
  const reason = !helm
    ? "helm is not installed"
    : !charts
      ? "IAC_CHARTS_DIR is not set"
      : absent.length
        ? `missing ${absent.join(", ")}`
        : undefined;
  const render = reason ? it.skip : it;
  if (reason) console.warn(`SKIPPED: the charts' pods: ${reason}`);

  const leaves = (spec: Json, key: string): boolean =>
    ((spec["tolerations"] ?? []) as Json[]).some(
      (t) => t["key"] === key && t["effect"] === "NoExecute" && t["tolerationSeconds"] <= 10,
    );
  /** Problems with how a Deployment reacts to a lost node. */
  const slow = (kind: string, spec: Json): string[] =>
    kind !== "Deployment"
      ? []
      : ["node.kubernetes.io/unreachable", "node.kubernetes.io/not-ready"]
          .filter((key) => !leaves(spec, key))
          .map((key) => `stays longer than 10 s on a node that is ${key}`);

  /** The objects that a chart renders with the given layers' values. */
  const rendered = (layers: Parameters<typeof resources>[0], name: ChartName): Json[] => {
    const release = resources(layers, "helm_release").find((r) => r.body["chart"] === CHARTS[name].name)!.body;
    const text = (release["values"][0] as string).replace(/\$\{[^}]*\}/g, "monitoring").replace(/\$\$\{/g, "${");
    const flags = ["--namespace", "monitoring", "--kube-version", "1.34.0", "--values", "-"];
    const args = ["template", release["name"] as string, archive(name), ...flags];
    return parseAllDocuments(execFileSync(helm!, args, { input: text, maxBuffer: 64 << 20 }).toString())
      .map((d) => d.toJS() as Json | null)
      .filter((o): o is Json => Boolean(o));
  };

  render("create nothing in kube-system and mount no host folders with the profile gke-autopilot", () => {
    const profile = parse(fs.readFileSync(path.join(PROJECT_ROOT, "profiles", "gke-autopilot.yaml"), "utf8")) as object;
    const objects = rendered(synthesize(profile), "kubePrometheusStack");
    // the chart's dashboards are one list
    const all = objects.flatMap((o) => (o["items"] as Json[] | undefined) ?? [o]);
    const managed = all.filter((o) => o["metadata"].namespace === "kube-system");
    expect(managed.map((o) => `${o["kind"]}/${o["metadata"].name}`)).toEqual([]);
    expect(JSON.stringify(objects)).not.toMatch(/--kubelet-service=kube-system|"hostPath"|"hostNetwork":true/);
    expect(JSON.stringify(objects)).toContain("--kubelet-service=monitoring/");
    const standard = JSON.stringify(rendered(synthesize(), "kubePrometheusStack"));
    expect(standard).toMatch(/--kubelet-service=kube-system/);
    expect(standard).toContain("hostPath");
  });

  render.each(names)(
    "%s: has requests, non-root users, read-only roots, exact tags and eviction from lost nodes, or a reason why not",
    (name) => {
      const objects = rendered(withKeda, name);
      const found: string[] = [];
      let pods = 0;
      for (const object of objects) {
        const spec = podSpecOf(object);
        if (!spec) continue;
        pods++;
        const owner = `${object["kind"]}/${object["metadata"].name}`;
        found.push(...slow(object["kind"], spec).map((w) => `${owner}: ${w}`));
        for (const c of containersOf(spec)) {
          const wrong = [...faults(spec, c), ...(isExact(c["image"]) ? [] : [`image ${c["image"]}`])];
          found.push(
            ...wrong
              .map((w) => `${owner} ${c["name"]}: ${w}`)
              .filter((line) => !EXCEPTIONS[owner]?.[line.slice(owner.length + 1)]),
          );
        }
      }
      expect(pods).toBeGreaterThan(0);
      expect(found).toEqual([]);
    },
  );
});
