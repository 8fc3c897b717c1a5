import {
  checkDocker,
  checkKeda,
  checkMetricsServer,
  checkNamespaces,
  checkPlatform,
  checkTerraform,
  checkTlsSecret,
  compareVersions,
} from "../../../scripts/deploy/preflight";
import { Kube } from "../../../scripts/cluster/kubectl";
import { RunError } from "../../../scripts/terminal/run-program";
import { testConfig } from "../../helpers/layers";
import { notInstalled, recorder } from "../../helpers/recorder";

describe("preflight", () => {
  const config = testConfig();
  it("compares versions by number", () => {
    expect(compareVersions("1.9.0", "1.11.0")).toBe(-1);
    expect(compareVersions("v1.11.0-beta1", "1.11.0")).toBe(0);
  });
  it("rejects an old Terraform, with the reason and where to get a newer one", async () => {
    const { run } = recorder([[/version -json/, '{"terraform_version":"1.10.5"}']]);
    await expect(checkTerraform(config, run)).rejects.toMatchObject({
      message: expect.stringContaining("1.10.5 is too old"),
      next: expect.stringContaining("1.11.0 or later"),
    });
  });
  it("checks OpenTofu if it is configured", async () => {
    const { run, commands } = recorder([[/version -json/, '{"terraform_version":"1.11.3"}']]);
    await expect(checkTerraform(testConfig({ terraform: "tofu" }), run)).resolves.toBe("1.11.3");
    expect(commands).toEqual(["tofu version -json"]);
  });
  it("distinguishes a missing Docker from one that is not responding", async () => {
    await expect(checkDocker(config, recorder([[/docker/, notInstalled("docker")]]).run)).rejects.toThrow(
      "not installed",
    );
    const stopped = new RunError("docker version", 1, "Cannot connect to the Docker daemon", "failed");
    await expect(checkDocker(config, recorder([[/docker/, stopped]]).run)).rejects.toMatchObject({
      message: expect.stringContaining("is not responding"),
      next: expect.stringContaining("prebuilt"),
    });
  });
  it("queries the Docker engine that Terraform's provider uses, with its certificates, and names it if it is not responding", async () => {
    const far = { ...testConfig({ images: { dockerHost: "tcp://far:2376" } }), dockerCertificates: "/certs" };
    const { run, commands } = recorder([[/docker/, new RunError("docker", 1, "Cannot connect", "failed")]]);
    await expect(checkDocker(far, run)).rejects.toThrow("The Docker engine at tcp://far:2376 is not responding");
    expect(commands[0]).toMatch(
      /^docker --host tcp:\/\/far:2376 --tlsverify --tlscacert=\/certs\/ca\.pem --tlscert=\/certs\/cert\.pem --tlskey=\/certs\/key\.pem version/,
    );
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
  it("stops at a metrics-server that the project did not install, and names the key to set", async () => {
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
  it("stops if the nodes cannot run the images that are built, and names the platform to set", async () => {
    const node = (name: string, architecture: string, spec: object = {}) => ({
      kind: "Node",
      metadata: { name },
      spec,
      status: { nodeInfo: { architecture }, conditions: [{ type: "Ready", status: "True" }] },
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
      message: "Images are built for linux/amd64, but these nodes have another architecture: b (arm64).",
      next: expect.stringContaining("images.platform to linux/arm64"),
    });
    await expect(check([node("b", "arm64")], { images: { platform: "linux/arm64" } })).resolves.toContain("arm64");
    // nodes that accept none of the project's pods
    const tainted = { taints: [{ key: "kubernetes.io/arch", value: "arm64", effect: "NoSchedule" }] };
    await expect(
      check([node("a", "amd64"), node("b", "arm64", tainted), node("c", "arm64", { unschedulable: true })]),
    ).resolves.toContain("linux/amd64");
    // a user with access to one namespace cannot list nodes
    await expect(check([])).resolves.toContain("may not list nodes");
  });
  it("stops at another deployment's namespace before anything is changed", async () => {
    const namespace = (labels: object) =>
      JSON.stringify({ kind: "Namespace", metadata: { name: "iacproject", labels } });
    const check = (found: string, overrides: object = {}) => {
      const chosen = testConfig(overrides);
      return checkNamespaces(chosen, new Kube(chosen, recorder([[/get namespace iacproject/, found]]).run));
    };
    await expect(check(namespace({ team: "others" }))).rejects.toMatchObject({
      message: "The namespace iacproject already exists and is not ours.",
      next: expect.stringContaining("namespaces.create to false"),
    });
    await expect(check(namespace({ "app.kubernetes.io/part-of": "iacproject" }))).resolves.toBeUndefined();
    await expect(check("")).resolves.toBeUndefined();
    await expect(check(namespace({}), { namespaces: { create: false } })).resolves.toBeUndefined();
  });
  it("stops if Redis' certificate is missing or incomplete; reports it as pending if the namespace does not exist yet", async () => {
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
    const existing = JSON.stringify({ kind: "Namespace", metadata: { name: "iacproject" } });
    await expect(check(secret({ "ca.crt": "x", "tls.crt": "x", "tls.key": "x" }))).resolves.toBe("Secret cert");
    await expect(check(secret({ "tls.crt": "x" }))).rejects.toThrow("has no ca.crt, tls.key");
    await expect(check("", existing)).rejects.toThrow("there is no such Secret in namespace iacproject");
    await expect(check("")).resolves.toMatch(/does not exist yet/);
  });
  it("stops if an existing metrics-server is configured but missing", async () => {
    const existing = testConfig({ metricsServer: { mode: "existing" } });
    await expect(checkMetricsServer(existing, new Kube(existing, recorder().run))).rejects.toThrow(
      /has no metrics API/,
    );
  });
});

describe("KEDA in the cluster", () => {
  const keda = testConfig({ scaling: { engine: "keda" } });
  const object = (name: string, more: object = {}) => ({ kind: "X", metadata: { name, ...more } });
  const owned = (release: string, namespace: string, spec: object = {}) =>
    JSON.stringify({
      ...object("x", {
        annotations: { "meta.helm.sh/release-name": release, "meta.helm.sh/release-namespace": namespace },
      }),
      spec,
    });
  const check = (config: typeof keda, api: string, crd: string) =>
    checkKeda(
      config,
      new Kube(
        config,
        recorder([
          [/get apiservice/, api],
          [/get crd/, crd],
        ]).run,
      ),
    );
  it("KEDA is installed if the cluster has none, and recognized if the project installed it", async () => {
    await expect(check(keda, "", "")).resolves.toBeUndefined();
    await expect(check(keda, owned("keda", "keda"), owned("keda", "keda"))).resolves.toBeUndefined();
  });
  it("KEDA is not replaced if it belongs to another release: `up` stops and names the keys to set", async () => {
    await expect(check(keda, owned("keda", "platform"), owned("keda", "platform"))).rejects.toMatchObject({
      next: expect.stringContaining("keda.mode to existing"),
    });
  });
  it("KEDA cannot share the external metrics API with another adapter", async () => {
    const adapter = owned("adapter", "monitoring", { service: { namespace: "monitoring", name: "adapter" } });
    await expect(check(keda, adapter, "")).rejects.toMatchObject({
      message: expect.stringContaining("monitoring/adapter"),
      next: expect.stringContaining("scaling.engine to hpa"),
    });
  });
  it("KEDA must exist if it is configured as existing", async () => {
    const existing = testConfig({ scaling: { engine: "keda" }, keda: { mode: "existing" } });
    await expect(check(existing, "", "")).rejects.toThrow(/the cluster has no KEDA \(scaledobjects\.keda\.sh/);
    await expect(check(existing, "", owned("k", "k"))).rejects.toThrow(
      /v1beta1\.external\.metrics\.k8s\.io is missing/,
    );
    await expect(check(existing, owned("k", "k"), owned("k", "k"))).resolves.toBeUndefined();
  });
  it("is not checked with engine hpa", async () => {
    const config = testConfig();
    const { run, commands } = recorder();
    await checkKeda(config, new Kube(config, run));
    expect(commands).toEqual([]);
  });
});
