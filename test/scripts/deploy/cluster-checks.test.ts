/** Checks of quotas and DNS, with objects as found on real clusters. */
import { checkDns, checkQuota } from "../../../scripts/deploy/cluster-checks";
import { Kube } from "../../../scripts/cluster/kubectl";
import { minimum } from "../../../modules/policies/namespace-quota";
import { RunError } from "../../../scripts/terminal/run-program";
import { resources, synthesize, testConfig, workloads, type Json } from "../../helpers/layers";
import { recorder } from "../../helpers/recorder";

const object = (name: string, rest: object) => ({ kind: "x", metadata: { name }, ...rest });
const list = (...items: object[]) => JSON.stringify({ items });

describe("quotas", () => {
  const look = (
    overrides: object,
    hard: object,
    more: { ranges?: object[]; spec?: object; monitoring?: object[] } = {},
  ) => {
    const config = testConfig(overrides);
    const { run } = recorder([
      [/resourcequota -n monitoring/, list(...(more.monitoring ?? []))],
      [/resourcequota/, list(object("team", { spec: { hard, ...more.spec } }))],
      [/limitrange/, list(...(more.ranges ?? []))],
    ]);
    return checkQuota(config, new Kube(config, run));
  };
  const limits = {
    node: { resources: { cpuLimit: "1" } },
    react: { resources: { cpuLimit: "1" } },
    redis: { main: { cpuLimit: "1" }, replica: { cpuLimit: "1" }, exporter: { cpuLimit: "1" } },
  };

  it("a quota on CPU limits rejects the project's pods; the error names the quota and the keys that set limits", async () => {
    await expect(look({}, { "limits.cpu": "8" })).rejects.toMatchObject({
      message: expect.stringMatching(/quota team in namespace iacproject rejects pods that do not set limits\.cpu/),
      next: expect.stringMatching(
        /^Set node\.resources\.cpuLimit, react\.resources\.cpuLimit, redis\.main\.cpuLimit, redis\.replica\.cpuLimit, redis\.exporter\.cpuLimit\. Or/,
      ),
    });
  });
  it("if all keys are set, every container has a CPU limit, also those without their own key", () => {
    const layers = synthesize({
      ...limits,
      redis: { ...limits.redis, durability: "ha", backup: { schedule: "0 3 * * *" } },
      scaling: { fast: true },
    });
    const manifests = resources(layers, "kubernetes_manifest").map(({ body }) => body["manifest"] as Json);
    const pods = manifests.flatMap(({ spec }) => [spec["template"]?.spec, spec["jobTemplate"]?.spec.template.spec]);
    const containers = pods
      .filter(Boolean)
      .flatMap((pod: Json) => [...(pod["initContainers"] ?? []), ...pod["containers"]]);
    expect(containers.length).toBeGreaterThan(7);
    for (const { name, resources: r } of containers) expect([name, r.limits.cpu]).toEqual([name, expect.any(String)]);
  });
  it("a quota on CPU limits is accepted if all keys are set, or a LimitRange has a default", async () => {
    await expect(look(limits, { "limits.cpu": "8" })).resolves.toBe("none that rejects our pods");
    const ranges = [object("defaults", { spec: { limits: [{ type: "Container", default: { cpu: "1" } }] } })];
    await expect(look({}, { "limits.cpu": "8" }, { ranges })).resolves.toBe("none that rejects our pods");
  });
  it("a quota on ephemeral storage cannot be satisfied with a key, only with a LimitRange", async () => {
    await expect(look(limits, { "requests.ephemeral-storage": "8Gi" })).rejects.toMatchObject({
      next: expect.stringMatching(/^Request a LimitRange/),
    });
    const ranges = [
      object("d", { spec: { limits: [{ type: "Container", default: { "ephemeral-storage": "1Gi" } }] } }),
    ];
    await expect(look({}, { "requests.ephemeral-storage": "8Gi" }, { ranges })).resolves.toMatch(/^none/);
  });
  it("a quota that does not apply to the project's pods is ignored", async () => {
    for (const spec of [{ scopes: ["BestEffort"] }, { scopes: ["Terminating"] }, { scopeSelector: {} }])
      await expect(look({}, { "limits.cpu": "8" }, { spec })).resolves.toMatch(/^none/);
  });
  it("a quota in the monitoring namespace is checked if monitoring is installed", async () => {
    const monitoring = [object("strict", { spec: { hard: { "limits.cpu": "8" } } })];
    await expect(look(limits, {}, { monitoring })).rejects.toMatchObject({
      message: expect.stringContaining("strict in namespace monitoring"),
      next: expect.stringContaining("observability: none"),
    });
    await expect(look({ ...limits, observability: "none" }, {}, { monitoring })).resolves.toMatch(/^none/);
  });
  it("a quota that is too small for all workloads at their maximum is reported, but does not stop a deployment", async () => {
    await expect(look({}, { pods: "12" })).resolves.toMatch(/^team stops scaling early: pods 12 of \d+$/);
    await expect(look({}, { memory: "2Gi" })).resolves.toMatch(/^team stops scaling early: requests\.memory 2Gi of /);
  });
  it("a quota that is too small for all workloads at their minimum stops a deployment, also under Kubernetes' short names", async () => {
    // main 1, replicas 2, exporter 1, API 2, front 2
    await expect(look({}, { pods: "7" })).rejects.toMatchObject({
      message: "The quota team in namespace iacproject has no room for the smallest deployment: pods 7 of 8.",
      next: "Request a larger quota, or lower scaling.….min.",
    });
    await expect(look({}, { cpu: "1m", memory: "1Mi" })).rejects.toMatchObject({
      message: expect.stringMatching(/: requests\.cpu 1m of 580m, requests\.memory 1Mi of \d+Mi\.$/),
      next: "Request a larger quota, or lower the workloads' resources.",
    });
    await expect(look({}, { "requests.cpu": "4", cpu: "1m" })).rejects.toMatchObject({
      message: expect.stringContaining("requests.cpu 1m of"),
    });
    await expect(look({}, { "ephemeral-storage": "1Gi" })).rejects.toMatchObject({
      message: expect.stringContaining("rejects pods that do not set requests.ephemeral-storage"),
    });
  });
  it.each([
    [{}, "persistentvolumeclaims", 1],
    [{ redis: { backup: { schedule: "@daily" } } }, "persistentvolumeclaims", 2],
    [{ redis: { durability: "ha" } }, "count/persistentvolumeclaims", 3],
    [{ exposure: { type: "LoadBalancer" } }, "services.loadbalancers", 1],
    [{ exposure: { type: "NodePort" } }, "services.nodeports", 1],
    [{}, "services", 7],
    [{}, "count/statefulsets.apps", 2],
    [{ scaling: { fast: true } }, "count/deployments.apps", 4],
    [{ exposure: { type: "Ingress", host: "h" } }, "count/ingresses.networking.k8s.io", 1],
  ])("with %j, a quota must have room for the %s", async (overrides, key, count) => {
    await expect(look(overrides, { [key]: String(count - 1) })).rejects.toMatchObject({
      message: expect.stringContaining(`no room for the smallest deployment: ${key} ${count - 1} of ${count}.`),
      next: expect.stringMatching(/^Request a larger quota/),
    });
    await expect(look(overrides, { [key]: String(count) })).resolves.toMatch(/^(none|team stops scaling early)/);
  });
  it("a quota needs no room for objects that this configuration does not create", async () => {
    const hard = { "services.loadbalancers": "0", "services.nodeports": "0", "count/cronjobs.batch": "0" };
    await expect(look({}, hard)).resolves.toBe("none that rejects our pods");
  });
  it("the objects that a quota must have room for are those that the layers create", () => {
    for (const overrides of [
      {},
      { redis: { durability: "ha", backup: { schedule: "@daily" } }, scaling: { fast: true } },
    ]) {
      const layers = synthesize(overrides);
      const { data, app } = layers;
      const ofType = (type: string) => resources({ data, app }, type).length;
      const ofKind = (kind: string) => workloads({ data, app }).filter((w) => w["kind"] === kind).length;
      expect(minimum(testConfig(overrides))).toMatchObject({
        services: String(ofType("kubernetes_service_v1")),
        "count/deployments.apps": String(ofKind("Deployment")),
        "count/statefulsets.apps": String(ofKind("StatefulSet")),
      });
    }
  });
  it("a quota is reported as unknown if the user may not list quotas", async () => {
    const denied = new RunError("kubectl", 1, "Error from server (Forbidden): resourcequotas is forbidden", "failed");
    const config = testConfig();
    const kube = new Kube(config, recorder([[/resourcequota/, denied]]).run);
    await expect(checkQuota(config, kube)).resolves.toMatch(/^unknown/);
  });
});

describe("DNS servers", () => {
  const service = object("kube-dns", { spec: { clusterIP: "10.96.0.10", ports: [{ port: 53, protocol: "UDP" }] } });
  const slice = (port: number) => ({
    ...object("kube-dns-x", {
      ports: [
        { name: "dns", port, protocol: "UDP" },
        { name: "metrics", port: 9153, protocol: "TCP" },
      ],
    }),
    metadata: { name: "kube-dns-x", labels: { "kubernetes.io/service-name": "kube-dns" } },
  });
  const cache = (hostNetwork: boolean) => object("node-local-dns", { spec: { template: { spec: { hostNetwork } } } });
  const look = (overrides: object, services: object[], port = 53, daemonsets: object[] = []) => {
    const config = testConfig(overrides);
    const { run } = recorder([
      [/get service/, list(...services)],
      [/get endpointslice/, list(slice(port))],
      [/get daemonset/, list(...daemonsets)],
    ]);
    return checkDns(config, new Kube(config, run));
  };
  it("DNS is accepted on the ports that the policies allow", async () => {
    await expect(look({}, [service])).resolves.toBe("kube-dns in kube-system");
    await expect(look({}, [service], 5353)).resolves.toMatch(/^kube-dns/);
  });
  it("DNS on another port causes an error that names the key; the pods' port counts, not the Service's", async () => {
    await expect(look({}, [service], 8053)).rejects.toMatchObject({ next: "Set dns.ports to [53,5353,8053]." });
  });
  it("DNS in another namespace causes an error that names the key", async () => {
    await expect(look({}, [])).rejects.toMatchObject({ next: expect.stringContaining("dns.namespace") });
  });
  it("DNS through a cache on the nodes also needs the Service's own address, unless the cache is a pod", async () => {
    await expect(look({}, [service], 53, [cache(true)])).rejects.toMatchObject({
      next: expect.stringMatching(/^Set dns\.addresses to \["169\.254\.20\.10",.*"10\.96\.0\.10"\]\.$/),
    });
    await expect(look({ dns: { addresses: ["10.96.0.10"] } }, [service], 53, [cache(true)])).resolves.toMatch(/^kube/);
    await expect(look({}, [service], 53, [cache(false)])).resolves.toMatch(/^kube/);
  });
  it("DNS is not checked without NetworkPolicies", async () => {
    await expect(look({ networkPolicies: false }, [])).resolves.toMatch(/^not checked/);
  });
});
