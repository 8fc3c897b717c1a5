/** Which settings environment variables may determine, and which they must not. */
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { configFrom, ConfigError } from "../../config";
import { readSources } from "../../config/sources";
import { configKeys } from "../../config/keys";

const home = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-home-"));
const write = (file: string, content: string): string => {
  const full = path.join(home, file);
  fs.mkdirSync(path.dirname(full), { recursive: true });
  fs.writeFileSync(full, content);
  return full;
};
const kubeconfig = (file: string, current?: string): string =>
  write(file, `apiVersion: v1\nkind: Config\n${current ? `current-context: ${current}\n` : ""}clusters: []\n`);

/** The configuration on a machine with these environment variables and no config.yaml. */
const config = (env: NodeJS.ProcessEnv, overrides = {}) =>
  configFrom(readSources(configKeys(), home, { HOME: home, ...env }), overrides);
const refusals = (env: NodeJS.ProcessEnv, overrides = {}): readonly string[] => {
  try {
    config(env, overrides);
    return [];
  } catch (error) {
    return (error as ConfigError).problems;
  }
};

beforeEach(() => {
  for (const entry of fs.readdirSync(home)) fs.rmSync(path.join(home, entry), { recursive: true });
  kubeconfig(".kube/config", "a");
});
afterAll(() => fs.rmSync(home, { recursive: true }));

describe("the context", () => {
  it("the context is set even if only the kubeconfig names one, so that all programs use the same one", () => {
    expect(config({ KUBE_CTX: "b" }).cluster.context).toBe("a");
    expect(config({}).clusterIsNamed).toBe(false);
  });
  it("the context comes from the first kubeconfig file that names one", () => {
    const files = [kubeconfig("none.yaml"), path.join(home, "absent.yaml"), kubeconfig("c.yaml", "c"), kubeconfig("d")];
    expect(config({ KUBECONFIG: files.join(":") }).cluster.context).toBe("c");
  });
  it("the context comes from the configuration if that sets one", () => {
    expect(config({ IAC_CLUSTER_CONTEXT: "z" }).cluster.context).toBe("z");
  });
  it("the context is undefined if no file names one, or if a file is not valid YAML", () => {
    expect(config({ KUBECONFIG: kubeconfig("none.yaml") }).cluster.context).toBeUndefined();
    expect(config({ KUBECONFIG: write("bad.yaml", "a: [") }).cluster.context).toBeUndefined();
  });
});

describe("a variable that would redirect Terraform, but not kubectl, is rejected without printing its value", () => {
  it.each([
    "KUBE_HOST",
    "KUBE_USER",
    "KUBE_USERNAME",
    "KUBE_PASSWORD",
    "KUBE_TOKEN",
    "KUBE_INSECURE",
    "KUBE_TLS_SERVER_NAME",
    "KUBE_PROXY_URL",
    "KUBE_CLIENT_CERT_DATA",
    "KUBE_CLIENT_KEY_DATA",
    "KUBE_CLUSTER_CA_CERT_DATA",
    "KUBE_CTX_AUTH_INFO",
    "KUBE_CTX_CLUSTER",
    "KUBE_CONFIG_PATHS",
    "HELM_DRIVER",
    "TF_WORKSPACE",
    "TF_DATA_DIR",
    "DOCKER_REGISTRY_USER",
    "DOCKER_REGISTRY_PASS",
    "DOCKER_CA_MATERIAL",
    "DOCKER_CERT_MATERIAL",
    "DOCKER_KEY_MATERIAL",
  ])("%s", (name) => {
    const problems = refusals({ [name]: "elsewhere" });
    expect(problems).toEqual([expect.stringMatching(new RegExp(`^${name}: .*; unset it$`))]);
    expect(problems[0]).not.toContain("elsewhere");
    expect(refusals({ [name]: "" })).toEqual([]);
  });
  it("KUBE_CONFIG_PATH is rejected if the project does not set it: with several kubeconfig files, or states in the cluster", () => {
    const other = { KUBE_CONFIG_PATH: kubeconfig("b.yaml", "b") };
    expect(refusals(other)).toEqual([]);
    const two = [kubeconfig("c.yaml"), kubeconfig("d.yaml")].join(":");
    expect(refusals({ ...other, KUBECONFIG: two })[0]).toMatch(/^KUBE_CONFIG_PATH: .*c\.yaml, .*d\.yaml/);
    expect(refusals({ ...other, IAC_STATE_BACKEND: "kubernetes" })[0]).toMatch(/^KUBE_CONFIG_PATH: /);
  });
  it("KUBE_IN_CLUSTER_CONFIG is rejected if the states are in the cluster", () => {
    expect(refusals({ KUBE_IN_CLUSTER_CONFIG: "true" })).toEqual([]);
    expect(refusals({ KUBE_IN_CLUSTER_CONFIG: "true", IAC_STATE_BACKEND: "kubernetes" })[0]).toMatch(/^KUBE_IN_CL/);
  });
  it("arguments that choose a state or a part of a layer are rejected, but no others", () => {
    expect(refusals({ TF_CLI_ARGS_plan: "-parallelism=2 -target=x" })[0]).toMatch(/^TF_CLI_ARGS_plan: -target would/);
    expect(refusals({ TF_CLI_ARGS: "-state=other.tfstate" })[0]).toMatch(/^TF_CLI_ARGS: -state would/);
    for (const [text, flag] of [
      ["-backend-config=path=other", "-backend-config"],
      ["-backend=false", "-backend"],
      ["-refresh-only", "-refresh-only"],
      ["-no-color --replace=x", "--replace"],
      ['"-target=x"', "-target"],
      ["'-destroy'", "-destroy"],
    ] as const)
      expect(refusals({ TF_CLI_ARGS_apply: text })[0]).toContain(`TF_CLI_ARGS_apply: ${flag} would`);
    expect(refusals({ TF_CLI_ARGS: "-lock-timeout=5m -no-color" })).toEqual([]);
    expect(refusals({ TF_CLI_ARGS_plan: "-parallelism=2" })).toEqual([]);
  });
  it("a variable that only repeats the configuration is accepted", () => {
    const same = path.join(home, ".kube", "config");
    const harmless = { KUBE_CONFIG_PATH: same, KUBE_CONFIG_PATHS: same, KUBE_INSECURE: "false", HELM_DRIVER: "secret" };
    expect(refusals({ ...harmless, TF_WORKSPACE: "default", IAC_STATE_BACKEND: "kubernetes" })).toEqual([]);
  });
});

describe("the Docker engine", () => {
  const context = (name: string, host: string, folder = ".docker"): string => {
    const id = createHash("sha256").update(name).digest("hex");
    const meta = { Name: name, Endpoints: { docker: { Host: host } } };
    write(`${folder}/contexts/meta/${id}/meta.json`, JSON.stringify(meta));
    return id;
  };
  const host = (env: NodeJS.ProcessEnv = {}) => config(env).images.dockerHost;

  it("the engine is the one that the docker CLI's current context names", () => {
    context("colima", "unix:///home/me/.colima/default/docker.sock");
    write(".docker/config.json", '{"currentContext":"colima"}');
    expect(host()).toBe("unix:///home/me/.colima/default/docker.sock");
    expect(host({ DOCKER_CONTEXT: "default" })).toBeUndefined();
  });
  it("the engine is chosen in the docker CLI's order of precedence: the configuration, DOCKER_HOST, DOCKER_CONTEXT, the current context", () => {
    context("one", "unix:///one.sock");
    context("two", "unix:///two.sock");
    write(".docker/config.json", '{"currentContext":"one"}');
    expect(host({ DOCKER_CONTEXT: "two" })).toBe("unix:///two.sock");
    expect(host({ DOCKER_CONTEXT: "two", DOCKER_HOST: "tcp://three:2375" })).toBe("tcp://three:2375");
    expect(host({ DOCKER_HOST: "tcp://three:2375", IAC_IMAGES_DOCKER_HOST: "ssh://four" })).toBe("ssh://four");
  });
  it("the engine is undefined if there is no context, or the context is the default one or names no host", () => {
    expect(host()).toBeUndefined();
    write(".docker/config.json", '{"currentContext":"default"}');
    expect(host()).toBeUndefined();
    write(".docker/config.json", '{"currentContext":"lost"}');
    expect(host()).toBeUndefined();
  });
  it("the engine's certificates come from its context", () => {
    const id = context("far", "tcp://far:2376");
    write(".docker/config.json", '{"currentContext":"far"}');
    write(`.docker/contexts/tls/${id}/docker/cert.pem`, "");
    expect(config({}).dockerCertificates).toBe(path.join(home, `.docker/contexts/tls/${id}/docker`));
  });
  it("registry logins come from DOCKER_CONFIG, unless registry.dockerConfig names a file", () => {
    context("one", "unix:///one.sock", "elsewhere");
    write("elsewhere/config.json", '{"currentContext":"one"}');
    const env = { DOCKER_CONFIG: path.join(home, "elsewhere") };
    expect(host(env)).toBe("unix:///one.sock");
    expect(config(env).registry.dockerConfig).toBe(path.join(home, "elsewhere", "config.json"));
    expect(config({ ...env, IAC_REGISTRY_DOCKER_CONFIG: "/x.json" }).registry.dockerConfig).toBe("/x.json");
  });
});
