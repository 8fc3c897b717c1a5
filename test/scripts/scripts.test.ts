/** What the scripts decide and which commands they issue, without a cluster. */
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { parse } from "yaml";
import { configSchema } from "../../config";
import { AUTOSCALED } from "../../catalog/workloads";
import { benches } from "../../scripts/maintenance/bench";
import { judge, withDrift, type LayerDiff } from "../../scripts/commands/diff";
import { differences, findDrift, repairDrift } from "../../scripts/deploy/drift";
import { createKind, deleteKind } from "../../scripts/cluster/kind";
import { Kube, type KubeObject } from "../../scripts/cluster/kubectl";
import { imagesAreCurrent } from "../../scripts/deploy/layers";
import { isKindConfig, removeKindConfig, writeKindConfig } from "../../scripts/cluster/kind-config";
import {
  checkDocker,
  checkMetricsServer,
  checkNamespaces,
  checkPlatform,
  checkTerraform,
  checkTlsSecret,
  compareVersions,
  toBuild,
} from "../../scripts/deploy/preflight";
import { creationTrouble, podTrouble, readyPods, waitReady, wantedPods } from "../../scripts/deploy/readiness";
import { findResidue, sweep } from "../../scripts/deploy/leftovers";
import { RunError, type Run } from "../../scripts/terminal/run-program";
import { shortAddress, type Terraform } from "../../scripts/terraform/terraform";
import { table } from "../../scripts/terminal/ui";
import { builtImages, DIGEST, testConfig } from "../helpers/layers";

/** Records every command; answers by the first pattern that fits, else with nothing. */
function recorder(answers: readonly [RegExp, string | RunError][] = []) {
  const commands: string[] = [];
  const inputs: string[] = [];
  const run: Run = (program, args, options) => {
    const command = [program, ...args].join(" ");
    commands.push(command);
    if (options.input !== undefined) inputs.push(options.input);
    const answer = answers.find(([pattern]) => pattern.test(command))?.[1] ?? "";
    return answer instanceof RunError
      ? Promise.reject(answer)
      : Promise.resolve({ code: 0, stdout: answer, stderr: "" });
  };
  return { run, commands, inputs };
}
const missing = (program: string) => new RunError(program, undefined, "", `${program} is not installed`);

it("every benchmark says in a sentence what it measures", () => {
  expect([...benches().keys()].sort()).toEqual([
    "api",
    "clients",
    "durability",
    "items",
    "join",
    "ledger",
    "memory",
    "page",
    "reaction",
    "targets",
  ]);
  for (const what of benches().values()) expect(what).toMatch(/^[A-Z`].*\.$/);
});

describe("diff", () => {
  const deployed = () => true;
  const none = new Map<never, never>();
  const changes: LayerDiff = { kind: "changes", text: "1 to add", lines: [] };
  it("a layer that reads layers never deployed waits for them", () => {
    expect(judge("app", none, () => false, undefined)).toEqual({ kind: "waits", for: ["images", "data"] });
    expect(judge("app", none, (l) => l === "images", undefined)).toEqual({ kind: "waits", for: ["data"] });
  });
  it("a layer with an empty plan may change after one that it reads", () => {
    const upstream = new Map([
      ["images", changes],
      ["data", { kind: "unchanged" }],
    ] as [never, LayerDiff][]);
    expect(judge("app", upstream, deployed, { kind: "unchanged" })).toEqual({ kind: "may change", after: ["images"] });
  });
  it("uncertainty goes on downstream", () => {
    const upstream = new Map([
      ["data", { kind: "unchanged" }],
      ["app", { kind: "may change", after: ["images"] }],
    ] as [never, LayerDiff][]);
    expect(judge("observability", upstream, deployed, { kind: "unchanged" })).toEqual({
      kind: "may change",
      after: ["app"],
    });
  });
  it("is unchanged where nothing upstream moves", () => {
    const upstream = new Map([
      ["images", { kind: "unchanged" }],
      ["data", { kind: "unchanged" }],
    ] as [never, LayerDiff][]);
    expect(judge("app", upstream, deployed, { kind: "unchanged" })).toEqual({ kind: "unchanged" });
  });
});

describe("changes made by hand", () => {
  const manifest = {
    kind: "Deployment",
    metadata: { name: "node", namespace: "n", labels: { a: "b" } },
    spec: { template: { spec: { containers: [{ image: "ours" }] } }, paused: null },
  };
  const live = (image: string) =>
    JSON.stringify({ ...manifest, spec: { replicas: 5, template: { spec: { containers: [{ image }] } } } });
  const state = {
    stateOf: () => Promise.resolve([{ manifest }, { manifest: { kind: "ServiceMonitor", metadata: {} } }]),
  } as unknown as Terraform;
  it("are found by a dry run of the same server-side apply, whatever the replica count", async () => {
    const { run, commands, inputs } = recorder([
      [/get Deployment/, live("theirs")],
      [/apply/, live("ours")],
    ]);
    const [drift] = await findDrift(new Kube(testConfig(), run), state);
    expect(drift).toMatchObject({ name: "node", paths: ["spec.template.spec.containers.0.image"] });
    expect(commands.at(-1)).toContain(
      "apply --server-side --field-manager=terraform --force-conflicts --dry-run=server",
    );
    expect(inputs[0]).not.toContain("null");
    expect(inputs[0]).not.toContain("replicas");
  });
  it("are not found where there are none", async () => {
    const { run } = recorder([[/./, live("ours")]]);
    expect(await findDrift(new Kube(testConfig(), run), state)).toEqual([]);
  });
  it("are undone by the real apply", async () => {
    const { run, commands } = recorder();
    await repairDrift(new Kube(testConfig(), run), [{ kind: "Deployment", name: "node", paths: ["spec"], manifest }]);
    expect(commands).toHaveLength(1);
    expect(commands[0]).not.toContain("dry-run");
  });
  it("count as changes, beside the plan's own", () => {
    const empty = { add: 0, change: 0, remove: 0, isEmpty: true, lines: [] };
    expect(withDrift(empty, [])).toEqual({ kind: "unchanged" });
    const drift = { kind: "Deployment", name: "node", paths: ["spec.x"], manifest: {} };
    expect(withDrift(empty, [drift])).toEqual({
      kind: "changes",
      text: "changed by hand: node",
      lines: ["put back node: spec.x"],
    });
    expect(withDrift({ ...empty, isEmpty: false, change: 1 }, [drift])).toMatchObject({
      text: "1 to change; changed by hand: node",
    });
  });
  it("are told by the shortest path that says where", () => {
    expect(differences({ a: 1, b: [{ c: 2 }] }, { a: 1, b: [{ c: 3 }], d: {} })).toEqual(["b.0.c", "d"]);
  });
});

describe("layer images needs no Docker", () => {
  const config = testConfig();
  const outputs = {
    node_image: `localhost:5000/iacproject-node@${DIGEST}`,
    react_image: `localhost:5000/iacproject-react@${DIGEST}`,
  };
  it("where the registry holds what its outputs name", () => {
    expect(imagesAreCurrent(config, builtImages("held"), outputs)).toBe(true);
    expect(toBuild(builtImages("held"))).toEqual([]);
  });
  it.each([
    ["a tag is absent", builtImages("absent"), outputs],
    ["the registry was not reached", builtImages("unreachable"), outputs],
    ["nothing was deployed", builtImages("held"), {}],
    [
      "the digest is another",
      builtImages("held"),
      { ...outputs, node_image: "localhost:5000/iacproject-node@sha256:00" },
    ],
  ])("but must be planned where %s", (_, images, out) => {
    expect(imagesAreCurrent(config, images, out)).toBe(false);
  });
});

describe("preflight", () => {
  const config = testConfig();
  it("compares versions by number", () => {
    expect(compareVersions("1.9.0", "1.11.0")).toBe(-1);
    expect(compareVersions("v1.11.0-beta1", "1.11.0")).toBe(0);
  });
  it("refuses an old Terraform, with the reason and where to get a newer one", async () => {
    const { run } = recorder([[/version -json/, '{"terraform_version":"1.10.5"}']]);
    await expect(checkTerraform(config, run)).rejects.toMatchObject({
      message: expect.stringContaining("1.10.5 is too old"),
      next: expect.stringContaining("1.11.0 or later"),
    });
  });
  it("asks OpenTofu where it was chosen", async () => {
    const { run, commands } = recorder([[/version -json/, '{"terraform_version":"1.11.3"}']]);
    await expect(checkTerraform(testConfig({ terraform: "tofu" }), run)).resolves.toBe("1.11.3");
    expect(commands).toEqual(["tofu version -json"]);
  });
  it("tells a Docker that is not there from one that does not answer", async () => {
    await expect(checkDocker(config, recorder([[/docker/, missing("docker")]]).run)).rejects.toThrow("not installed");
    const stopped = new RunError("docker version", 1, "Cannot connect to the Docker daemon", "failed");
    await expect(checkDocker(config, recorder([[/docker/, stopped]]).run)).rejects.toMatchObject({
      message: expect.stringContaining("does not answer"),
      next: expect.stringContaining("prebuilt"),
    });
  });
  const metrics = (annotations: object | undefined) =>
    new Kube(
      config,
      recorder([
        [
          /get apiservice/,
          annotations ? JSON.stringify({ kind: "APIService", metadata: { name: "x", annotations } }) : "",
        ],
      ]).run,
    );
  it("stops at a metrics-server that is not ours, with the key to set", async () => {
    await expect(checkMetricsServer(config, metrics({}))).rejects.toMatchObject({
      next: expect.stringContaining("metricsServer.mode"),
    });
    await expect(
      checkMetricsServer(
        config,
        metrics({ "meta.helm.sh/release-name": "metrics-server", "meta.helm.sh/release-namespace": "kube-system" }),
      ),
    ).resolves.toBeUndefined();
    await expect(checkMetricsServer(config, metrics(undefined))).resolves.toBeUndefined();
  });
  it("stops where images that are built here cannot run there, with the platform to set", async () => {
    const node = (name: string, architecture: string) => ({
      kind: "Node",
      metadata: { name },
      status: { nodeInfo: { architecture } },
    });
    const check = (nodes: object[], overrides: object = {}) => {
      const chosen = testConfig(overrides);
      const { run } = recorder([
        [/get nodes/, nodes.length ? JSON.stringify({ items: nodes }) : ""],
        [/^docker version/, "linux/amd64\n"],
      ]);
      return checkPlatform(chosen, new Kube(chosen, run), run);
    };
    await expect(check([node("a", "amd64")])).resolves.toContain("linux/amd64");
    await expect(check([node("a", "amd64"), node("b", "arm64")])).rejects.toMatchObject({
      message: "Images are built for linux/amd64, and these nodes are of another kind: b (arm64).",
      next: expect.stringContaining("images.platform to linux/arm64"),
    });
    await expect(check([node("b", "arm64")], { images: { platform: "linux/arm64" } })).resolves.toContain("arm64");
    // a user of one namespace sees none of them
    await expect(check([])).resolves.toContain("not shown");
  });
  it("stops at a namespace that is somebody else's, before anything is changed", async () => {
    const namespace = (labels: object) =>
      JSON.stringify({ kind: "Namespace", metadata: { name: "iacproject", labels } });
    const check = (found: string, overrides: object = {}) => {
      const chosen = testConfig(overrides);
      return checkNamespaces(chosen, new Kube(chosen, recorder([[/get namespace iacproject/, found]]).run));
    };
    await expect(check(namespace({ team: "others" }))).rejects.toMatchObject({
      message: "The namespace iacproject is there, and not ours.",
      next: expect.stringContaining("namespaces.create to false"),
    });
    await expect(check(namespace({ "app.kubernetes.io/part-of": "iacproject" }))).resolves.toBeUndefined();
    await expect(check("")).resolves.toBeUndefined();
    await expect(check(namespace({}), { namespaces: { create: false } })).resolves.toBeUndefined();
  });
  it("stops where the certificate of Redis is not there, or not whole; says so where it cannot be there yet", async () => {
    const tls = testConfig({ redis: { tls: { secret: "cert" } } });
    const secret = (data: object) => JSON.stringify({ kind: "Secret", metadata: { name: "cert" }, data });
    const check = (found: string, namespace = "") =>
      checkTlsSecret(
        tls,
        new Kube(
          tls,
          recorder([
            [/get secret/, found],
            [/get namespace/, namespace],
          ]).run,
        ),
      );
    const there = JSON.stringify({ kind: "Namespace", metadata: { name: "iacproject" } });
    await expect(check(secret({ "ca.crt": "x", "tls.crt": "x", "tls.key": "x" }))).resolves.toBe("Secret cert");
    await expect(check(secret({ "tls.crt": "x" }))).rejects.toThrow("has no ca.crt, tls.key");
    await expect(check("", there)).rejects.toThrow("there is no such Secret in namespace iacproject");
    await expect(check("")).resolves.toMatch(/yet to come/);
  });
  it("stops where an existing one was promised and is not there", async () => {
    const existing = testConfig({ metricsServer: { mode: "existing" } });
    await expect(checkMetricsServer(existing, new Kube(existing, recorder().run))).rejects.toThrow(
      /has no metrics API/,
    );
  });
});

describe("a cluster that does not answer", () => {
  it("is told with its name, the reason and the next step", async () => {
    const refused = new RunError(
      "kubectl version",
      1,
      "The connection to the server 10.0.0.1:6443 was refused",
      "failed",
    );
    const view = JSON.stringify({
      "current-context": "lab",
      clusters: [{ cluster: { server: "https://10.0.0.1:6443" } }],
    });
    const kube = new Kube(
      testConfig(),
      recorder([
        [/config view/, view],
        [/version/, refused],
      ]).run,
    );
    await expect(kube.ping()).rejects.toMatchObject({
      message:
        "The cluster lab at https://10.0.0.1:6443 cannot be reached: The connection to the server 10.0.0.1:6443 was refused",
      next: expect.stringContaining("cluster.context"),
    });
  });
});

describe("waiting until all is Ready", () => {
  const workload = (status: object, generation = 2): KubeObject =>
    ({
      kind: "Deployment",
      metadata: { name: "node", namespace: "n", generation },
      spec: { replicas: 1 },
      status,
    }) as unknown as KubeObject;
  it("wants what the autoscaler wants at least, even before it has spoken", () => {
    const hpa = {
      kind: "HorizontalPodAutoscaler",
      metadata: { name: "node", namespace: "n" },
      spec: { minReplicas: 2, scaleTargetRef: { kind: "Deployment", name: "node" } },
    };
    expect(wantedPods(workload({}), [hpa as unknown as KubeObject])).toBe(2);
    expect(wantedPods(workload({}), [])).toBe(1);
  });
  it("counts only pods of the newest revision, once the controller has seen it", () => {
    expect(readyPods(workload({ observedGeneration: 1, readyReplicas: 2, updatedReplicas: 2 }))).toBe(0);
    expect(readyPods(workload({ observedGeneration: 2, readyReplicas: 2, updatedReplicas: 1 }))).toBe(1);
    expect(readyPods(workload({ observedGeneration: 2, replicas: 3, readyReplicas: 2, updatedReplicas: 2 }))).toBe(1);
    expect(readyPods(workload({ observedGeneration: 2, replicas: 2, readyReplicas: 2, updatedReplicas: 2 }))).toBe(2);
  });
  it("names the pod, the image and the reason of a failed pull", () => {
    const pod = {
      kind: "Pod",
      metadata: { name: "node-1" },
      status: {
        containerStatuses: [
          { image: "x:1", state: { waiting: { reason: "ImagePullBackOff", message: 'Back-off pulling image "x:1"' } } },
        ],
      },
    };
    expect(podTrouble(pod as unknown as KubeObject)?.text).toBe(
      'node-1: ImagePullBackOff: Back-off pulling image "x:1"',
    );
  });
  it("says why a pod is not scheduled", () => {
    const pod = {
      kind: "Pod",
      metadata: { name: "node-1" },
      status: { conditions: [{ type: "PodScheduled", status: "False", message: "Insufficient cpu" }] },
    };
    expect(podTrouble(pod as unknown as KubeObject)?.text).toBe("node-1: not scheduled: Insufficient cpu");
  });
  it("goes on where the cluster does not answer for a moment", async () => {
    const chosen = testConfig({ observability: "none", metricsServer: { mode: "existing" } });
    const ready = { observedGeneration: 2, replicas: 1, readyReplicas: 1, updatedReplicas: 1 };
    const hpas = AUTOSCALED.map((name) => ({
      kind: "HorizontalPodAutoscaler",
      metadata: { name, namespace: chosen.namespaces.app },
      spec: { minReplicas: 1, scaleTargetRef: { kind: "Deployment", name } },
    }));
    let asked = 0;
    const run: Run = () =>
      asked++ === 0
        ? Promise.reject(new RunError("kubectl", 1, "connection refused", "kubectl failed"))
        : Promise.resolve({ code: 0, stdout: JSON.stringify({ items: [workload(ready), ...hpas] }), stderr: "" });
    const said: string[] = [];
    await expect(
      waitReady(new Kube(chosen, run), { timeoutMs: 10_000, onProgress: (text) => said.push(text) }),
    ).resolves.toBe(1);
    expect(said).toEqual(["the cluster, which does not answer"]);
  });
  it("pods that cannot even be made name the reason", () => {
    const deployment = (status: string) => ({
      kind: "Deployment",
      metadata: { name: "node" },
      status: { conditions: [{ type: "ReplicaFailure", status, message: 'serviceaccount "node" not found' }] },
    });
    expect(creationTrouble(deployment("True") as unknown as KubeObject)).toBe(
      'node: pods cannot be created: serviceaccount "node" not found',
    );
    expect(creationTrouble(deployment("False") as unknown as KubeObject)).toBeUndefined();
  });
});

describe("residue", () => {
  const list = (...items: object[]) => JSON.stringify({ kind: "List", items });
  const crd = (name: string, partOf = "iacproject") => ({
    kind: "CustomResourceDefinition",
    metadata: { name: `${name}.monitoring.coreos.com`, labels: { "app.kubernetes.io/part-of": partOf } },
  });
  it("removes our CRDs and the kubelets' Service, but no CRD that others use", async () => {
    const { run, commands } = recorder([
      [/get crd /, list(crd("prometheuses"), crd("servicemonitors"), crd("probes", "theirs"))],
      [
        /get servicemonitors\.monitoring/,
        list({ kind: "ServiceMonitor", metadata: { name: "theirs", namespace: "other" } }),
      ],
      [
        /get service kube-prometheus-stack-kubelet/,
        JSON.stringify({ kind: "Service", metadata: { name: "kube-prometheus-stack-kubelet" } }),
      ],
    ]);
    const swept = await sweep(new Kube(testConfig(), run));
    expect(swept.removed).toEqual(["service kube-prometheus-stack-kubelet", "crd prometheuses.monitoring.coreos.com"]);
    expect(swept.kept).toEqual([
      expect.stringMatching(/1 CRDs .*: kubectl delete crd probes\.monitoring\.coreos\.com$/),
      expect.stringContaining("other/theirs"),
    ]);
    expect(commands.filter((c) => c.includes(" delete "))).toHaveLength(2);
  });
  it("leaves everything of an operator that runs, and of a Prometheus that was there", async () => {
    const running = recorder([[/get deployments -A/, list({ kind: "Deployment", metadata: { name: "operator" } })]]);
    expect(await sweep(new Kube(testConfig(), running.run))).toEqual({ removed: [], kept: [] });
    const existing = recorder([[/get crd/, list(crd("prometheuses"))]]);
    expect(await sweep(new Kube(testConfig({ observability: "existing" }), existing.run))).toEqual({
      removed: [],
      kept: [],
    });
    expect([...running.commands, ...existing.commands].filter((c) => c.includes(" delete "))).toEqual([]);
  });
  it("removes the volume claims where the namespace stays", async () => {
    const config = testConfig({ namespaces: { create: false } });
    const { run } = recorder([
      [/get pvc/, list({ kind: "PersistentVolumeClaim", metadata: { name: "data-redis-main-0" } })],
    ]);
    expect((await sweep(new Kube(config, run))).removed).toEqual(["pvc data-redis-main-0"]);
  });
  it("finds namespaces, volumes, cluster roles, the API service and releases that stayed", async () => {
    const helm = {
      "meta.helm.sh/release-name": "kube-prometheus-stack",
      "meta.helm.sh/release-namespace": "monitoring",
    };
    const { run } = recorder([
      [/get namespace iacproject/, JSON.stringify({ kind: "Namespace", metadata: { name: "iacproject" } })],
      [
        /get pv/,
        list(
          { kind: "PersistentVolume", metadata: { name: "pv-1" }, spec: { claimRef: { namespace: "iacproject" } } },
          { kind: "PersistentVolume", metadata: { name: "theirs" }, spec: {} },
        ),
      ],
      [
        /get clusterroles,/,
        list(
          { kind: "ClusterRole", metadata: { name: "prom", annotations: helm } },
          { kind: "ClusterRole", metadata: { name: "theirs" } },
        ),
      ],
      [
        /get secrets -n kube-system/,
        list({
          kind: "Secret",
          metadata: { name: "sh.helm.release.v1.metrics-server.v1", labels: { name: "metrics-server" } },
        }),
      ],
    ]);
    expect(await findResidue(new Kube(testConfig(), run))).toEqual([
      "Namespace iacproject",
      "PersistentVolume pv-1",
      "ClusterRole prom",
      "Secret sh.helm.release.v1.metrics-server.v1",
    ]);
  });
  it("finds nothing in a clean cluster", async () => {
    expect(await findResidue(new Kube(testConfig(), recorder().run))).toEqual([]);
  });
});

describe("a kind cluster of one's own", () => {
  const config = testConfig();
  it("is made with its registry, as kind's documentation describes", async () => {
    const { run, commands, inputs } = recorder([
      [/kind get nodes/, "iacproject-control-plane\niacproject-worker\n"],
      [/inspect/, "null"],
    ]);
    await createKind(config, () => undefined, run);
    expect(commands).toEqual([
      "kind version",
      "docker ps --all --filter name=^iacproject-registry$ --format {{.State}}",
      "docker run --detach --restart=always --publish 127.0.0.1:5001:5000 --network bridge --name iacproject-registry docker.io/library/registry:2.8.3",
      "kind get clusters",
      "kind create cluster --name iacproject --config - --wait 180s",
      "kind get nodes --name iacproject",
      ...["iacproject-control-plane", "iacproject-worker"].flatMap((node) => [
        `docker exec ${node} mkdir -p /etc/containerd/certs.d/localhost:5001`,
        `docker exec -i ${node} cp /dev/stdin /etc/containerd/certs.d/localhost:5001/hosts.toml`,
      ]),
      "docker inspect --format {{json .NetworkSettings.Networks.kind}} iacproject-registry",
      "docker network connect kind iacproject-registry",
      "kubectl --context kind-iacproject apply -f -",
    ]);
    const cluster = JSON.parse(inputs[0]!) as { nodes: unknown[]; containerdConfigPatches: string[] };
    expect(cluster.nodes).toHaveLength(3);
    expect(cluster.nodes[0]).toEqual({
      role: "control-plane",
      // the page and Grafana, for this machine alone
      extraPortMappings: [
        { containerPort: 30080, hostPort: 8080, listenAddress: "127.0.0.1" },
        { containerPort: 30030, hostPort: 3000, listenAddress: "127.0.0.1" },
      ],
    });
    expect(cluster.containerdConfigPatches[0]).toContain('config_path = "/etc/containerd/certs.d"');
    expect(inputs[1]).toBe('[host."http://iacproject-registry:5000"]\n');
  });
  it("is left alone where it is there already", async () => {
    const { run, commands } = recorder([
      [/docker ps/, "running"],
      [/kind get clusters/, "iacproject\n"],
      [/inspect/, "{}"],
    ]);
    await createKind(config, () => undefined, run);
    expect(commands.some((c) => /kind create|docker run|network connect/.test(c))).toBe(false);
  });
  it("needs kind, and says where to get it and what goes without any cluster", async () => {
    const made = createKind(config, () => undefined, recorder([[/kind version/, missing("kind")]]).run);
    await expect(made).rejects.toMatchObject({ next: expect.stringContaining("https://kind.sigs.k8s.io") });
    await expect(made).rejects.toMatchObject({ next: expect.stringContaining("npm run dev") });
  });
  it("goes with its registry", async () => {
    const { run, commands } = recorder();
    await deleteKind(config, run);
    expect(commands).toEqual([
      "kind delete cluster --name iacproject",
      "docker rm --force --volumes iacproject-registry",
    ]);
  });
  it("is named in config.yaml, which down takes away again, unless the file is the user's", () => {
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-kind-"));
    const file = path.join(dir, "config.yaml");
    expect(writeKindConfig(config, file)).toBeUndefined();
    const written = parse(fs.readFileSync(file, "utf8")) as object;
    expect(written).toMatchObject({
      profile: "kind",
      cluster: { context: "kind-iacproject" },
      registry: { push: "localhost:5001" },
      exposure: { type: "NodePort", nodePort: 30080 },
      monitoring: { grafanaNodePort: 30030 },
    });
    expect(configSchema.safeParse(written).success).toBe(true);
    expect(isKindConfig(file)).toBe(true);
    removeKindConfig(file);
    expect(fs.existsSync(file)).toBe(false);
    fs.writeFileSync(file, "redis: {}\n");
    expect(writeKindConfig(config, file)).toContain("context: kind-iacproject");
    removeKindConfig(file);
    expect(fs.existsSync(file)).toBe(true);
    fs.rmSync(dir, { recursive: true });
  });
});

it("resource addresses are told in the words of the code", () => {
  expect(shortAddress("kubernetes_manifest.redis-main_workload_manifest_2E275EB7")).toBe(
    "redis-main_workload_manifest",
  );
  expect(shortAddress("docker_image.node_image-a5ba65caa5fb601b_A5E0A0E2[0]")).toBe("node_image-a5ba65caa5fb601b");
});

it("tables align their columns, colours or not", () => {
  expect(
    table([
      ["a", "b"],
      ["\u001b[32mlong\u001b[39m", "c"],
    ]),
  ).toBe("a     b\n\u001b[32mlong\u001b[39m  c");
});
