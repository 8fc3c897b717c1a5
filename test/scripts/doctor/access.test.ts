/** Checks of owners, logins, the proxy, and the cluster that kubectl and Terraform use. */
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { checkOwners } from "../../../scripts/doctor/namespace-owner";
import { checkOneCluster, type WithProviders } from "../../../scripts/doctor/one-cluster";
import { checkProxy, type ProxyUse } from "../../../scripts/doctor/proxy";
import { checkPullSecrets, checkPushLogin } from "../../../scripts/doctor/registry-access";
import { Kube } from "../../../scripts/cluster/kubectl";
import { RunError } from "../../../scripts/terminal/run-program";
import { synthesize, testConfig } from "../../helpers/layers";
import { recorder } from "../../helpers/recorder";

const forbidden = new RunError("kubectl", 1, "Error from server (Forbidden): it is forbidden", "failed");

describe("a namespace's owner", () => {
  const namespace = (metadata: object) => JSON.stringify({ kind: "Namespace", metadata: { name: "x", ...metadata } });
  const ours = namespace({ labels: { "app.kubernetes.io/part-of": "iacproject" } });
  const check = (overrides: object, app: string | RunError, record: object | undefined = undefined) => {
    const config = testConfig({ observability: "none", ...overrides });
    const { run } = recorder([
      [/get namespace iacproject/, app],
      [/get configmap iacproject-deployment/, record ? JSON.stringify({ metadata: {}, data: record }) : ""],
    ]);
    return checkOwners(config, new Kube(config, run));
  };
  it("the owner is named if the namespace does not belong to the project", async () => {
    const annotations = { "argocd.argoproj.io/tracking-id": "shop:/Namespace:shop/shop" };
    await expect(check({}, namespace({ annotations }))).rejects.toMatchObject({
      message: "The namespace iacproject already exists and is not ours: it belongs to Argo CD application shop.",
      next: expect.stringContaining("namespaces.create to false"),
    });
    await expect(check({}, namespace({}))).rejects.toThrow("already exists and is not ours.");
  });
  it("the owner is the user of the last deployment if the namespace belongs to the project", async () => {
    const record = { deployedBy: "ada@laptop", deployedAt: "2026-01-02 03:04 UTC" };
    await expect(check({}, ours, record)).resolves.toBe(
      "iacproject is ours (deployed by ada@laptop, 2026-01-02 03:04 UTC)",
    );
    await expect(check({}, "")).resolves.toBe("iacproject will be created");
  });
  it("the owner may be someone else if the configuration does not create the namespace, but then the namespace must exist", async () => {
    const used = { namespaces: { create: false } };
    const annotations = { "openshift.io/requester": "ada" };
    await expect(check(used, namespace({ annotations }))).resolves.toBe(
      "iacproject is used (owner: OpenShift user ada)",
    );
    await expect(check(used, "")).rejects.toMatchObject({
      message: "namespaces.create is false, but there is no namespace iacproject.",
    });
    await expect(check(used, forbidden)).resolves.toMatch(/^unknown/);
  });
});

describe("registry logins", () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-login-"));
  const dockerConfig = path.join(dir, "config.json");
  afterAll(() => fs.rmSync(dir, { recursive: true }));
  const registry = (push: string) => ({ registry: { push, auth: "docker", dockerConfig } });

  it("the logins must include the one with which the engine pushes", () => {
    fs.writeFileSync(dockerConfig, JSON.stringify({ auths: { "registry.example": { auth: "YTpi" } } }));
    expect(checkPushLogin(testConfig(registry("registry.example/team")))).toContain("for registry.example");
    expect(() => checkPushLogin(testConfig(registry("other.example/team")))).toThrow(
      expect.objectContaining({
        message: expect.stringContaining("has no login for other.example"),
        next: "Run: docker login other.example",
      }),
    );
    expect(() => checkPushLogin(testConfig(registry("docker.io/me")))).toThrow(
      expect.objectContaining({ next: "Run: docker login" }),
    );
    expect(checkPushLogin(testConfig())).toMatch(/^none is used/);
  });

  const secret = (auths: object, key = ".dockerconfigjson") =>
    JSON.stringify({
      metadata: { name: "pull" },
      data: { [key]: Buffer.from(JSON.stringify({ auths })).toString("base64") },
    });
  const pull = (found: string | RunError) => {
    const config = testConfig({ registry: { push: "registry.example/team" }, images: { pullSecrets: ["pull"] } });
    return checkPullSecrets(config, new Kube(config, recorder([[/get secret/, found]]).run));
  };
  it("the nodes' logins must be in existing Secrets that name the registry; the content of these Secrets is not printed", async () => {
    await expect(pull(secret({ "https://registry.example/v2/": { auth: "c2VjcmV0" } }))).resolves.toBe(
      "pull, for registry.example",
    );
    await expect(pull(secret({ "other.example": { auth: "c2VjcmV0" } }))).rejects.toMatchObject({
      message: "No pull Secret (pull) has a login for registry.example, only for other.example.",
    });
    await expect(pull("")).rejects.toMatchObject({
      message: "There is no pull Secret pull in namespace iacproject.",
      next: expect.stringContaining("create secret docker-registry pull --docker-server=registry.example"),
    });
    await expect(pull(secret({}, "password"))).rejects.toThrow("not of type kubernetes.io/dockerconfigjson");
    await expect(pull(forbidden)).resolves.toMatch(/^unknown/);
  });
});

describe("proxies", () => {
  const proxy = "http://proxy.example:3128";
  const check = (use: Partial<ProxyUse>, engine: string | RunError = proxy) =>
    checkProxy(
      testConfig({ registry: { push: "registry.example/team" } }),
      { variables: { https: proxy, http: proxy, no: undefined }, mustBuild: true, ...use },
      recorder([[/docker info/, engine]]).run,
    );
  it("a proxy is reported for each destination", async () => {
    await expect(check({ server: "https://k8s.example:6443" })).resolves.toBe(
      "registry: proxy.example:3128, charts: proxy.example:3128, cluster: proxy.example:3128",
    );
    const variables = { https: proxy, no: ".example" };
    await expect(check({ variables, server: "https://k8s.example:6443" })).resolves.toBe(
      "registry: direct, charts: proxy.example:3128, cluster: direct",
    );
  });
  it("a proxy is reported if it is used for a private address of the cluster, with the address to add to NO_PROXY", async () => {
    await expect(check({ server: "https://10.0.0.1:6443" })).rejects.toMatchObject({
      message: expect.stringContaining("10.0.0.1 through the proxy proxy.example:3128"),
      next: expect.stringContaining("add 10.0.0.1 to NO_PROXY"),
    });
    await expect(check({ server: "https://10.0.0.1:6443", variables: { https: proxy, no: "10.0.0.0/8" } }))
      .resolves //
      .toContain("cluster: direct");
  });
  it("a proxy is reported as missing in the Docker engine only if the engine must build images", async () => {
    await expect(check({}, "\n")).rejects.toThrow("the Docker engine has no proxy");
    await expect(check({ mustBuild: false }, "\n")).resolves.toContain("registry");
    const stopped = new RunError("docker", 1, "Cannot connect", "failed");
    await expect(check({}, stopped)).resolves.toContain("registry");
  });
});

describe("kubectl and Terraform", () => {
  it("use one cluster in every layer", () => {
    const stacks = synthesize() as Record<string, WithProviders>;
    const config = testConfig();
    expect(checkOneCluster(config, stacks)).toBe("kubectl and Terraform use context test");
    const files = { ...config, kubeconfigs: ["/home/other/config"] };
    expect(() => checkOneCluster(files, stacks)).toThrow(/would use different clusters in layer data/);
    expect(() => checkOneCluster(testConfig({ cluster: { context: "b" } }), stacks)).toThrow(
      "context test instead of b",
    );
  });
});
