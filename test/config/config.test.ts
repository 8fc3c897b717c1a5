import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { parse as yaml } from "yaml";
import { PROJECT_ROOT } from "../../catalog/paths";
import { ConfigError, configKeys, parseConfig } from "../../config";
import { readSources } from "../../config/sources";
import { redact } from "../../config/redact";

const parse = (input: object) => parseConfig(input, { home: "/home/someone", kubeconfigEnv: undefined });
const refusal = (input: object): string => {
  try {
    parse(input);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.join("\n");
    throw error;
  }
  return "accepted";
};

describe("defaults", () => {
  it("accept an empty configuration", () => {
    const config = parse({});
    expect(config.namespaces).toEqual({
      app: "iacproject",
      monitoring: "monitoring",
      keda: "keda",
      create: true,
      quota: false,
    });
    expect(config.scaling.replicas.min).toBeGreaterThanOrEqual(2);
    expect(config.clusterIsNamed).toBe(false);
  });
  it("let nodes pull from where this machine pushes", () => {
    expect(parse({ registry: { push: "registry.example/team" } }).registry.pull).toBe("registry.example/team");
    expect(parse({ registry: { push: "localhost:5001", pull: "kind-registry:5000" } }).registry.pull).toBe(
      "kind-registry:5000",
    );
  });
  it("speak plain HTTP to a registry on this machine only", () => {
    expect(parse({}).registry.insecure).toBe(true);
    expect(parse({ registry: { push: "registry.example" } }).registry.insecure).toBe(false);
  });
  it("take the cluster as named where a context, a file or KUBECONFIG names it", () => {
    expect(parse({ cluster: { context: "kind-x" } }).clusterIsNamed).toBe(true);
    expect(parse({ cluster: { kubeconfig: "k.yaml" } }).clusterIsNamed).toBe(true);
    expect(parseConfig({}, { home: "/h", kubeconfigEnv: "/a:/b" })).toMatchObject({
      clusterIsNamed: true,
      kubeconfigs: ["/a", "/b"],
    });
  });
});

describe("refusals name the key, the value and what would be accepted", () => {
  it.each([
    ["an unknown key", { redis: { durabilty: "safe" } }, /^redis\.durabilty: unknown key; accepted here: durability/],
    ["a wrong type", { registry: { push: 3 } }, /^registry\.push: 3 is not accepted; expected string/],
    [
      "an unknown choice",
      { observability: "maybe" },
      /^observability: "maybe" is not accepted; one of install, existing, none/,
    ],
    ["crossed bounds", { scaling: { node: { min: 5, max: 2 } } }, /^scaling\.node\.min: 5 .*max \(2\)/],
    ["a single replica", { scaling: { replicas: { min: 1 } } }, /^scaling\.replicas\.min: 1 .*at least 2/],
    [
      "a target above the request",
      { scaling: { react: { cpuTarget: 150 } } },
      /^scaling\.react\.cpuTarget: 150 .*at most 100/,
    ],
    ["a quantity that is none", { redis: { storage: "lots" } }, /^redis\.storage: "lots" .*Kubernetes quantity/],
    [
      "a registry with a scheme",
      { registry: { push: "https://user:x@registry.example" } },
      /^registry\.push: .*without a scheme/,
    ],
    ["root as user", { images: { node: { runAsUser: 0 } } }, /^images\.node\.runAsUser: 0 .*at least 1/],
    [
      "an image without a tag",
      { images: { node: { image: "node-api" } } },
      /^images\.node\.image: "node-api" .*tag or a digest/,
    ],
    ["S3 without a bucket", { state: { backend: "s3" } }, /^state\.backend: .*state\.bucket and state\.region/],
    [
      "state in a namespace that goes",
      { state: { backend: "kubernetes", namespace: "iacproject" } },
      /^state\.namespace: "iacproject" .*destroys/,
    ],
    ["Ingress without a host", { exposure: { type: "Ingress" } }, /^exposure\.host: is needed/],
    ["a node port without NodePort", { exposure: { nodePort: 30080 } }, /^exposure\.nodePort: 30080 .*NodePort/],
    [
      "one namespace with node-exporter",
      { namespaces: { monitoring: "iacproject" } },
      /^namespaces\.monitoring: .*privileged/,
    ],
    [
      "a receiver of no kind",
      { monitoring: { receivers: [{ type: "pigeon", name: "x" }] } },
      /^monitoring\.receivers\.0\.type/,
    ],
    [
      "two receivers of one name",
      {
        monitoring: {
          receivers: ["a", "b"].map((key) => ({ type: "webhook", name: "ops", secret: { name: "hooks", key } })),
        },
      },
      /^monitoring\.receivers\.1\.name: "ops" .*taken/,
    ],
    [
      "a receiver with a name of ours",
      { monitoring: { receivers: [{ type: "webhook", name: "heartbeat", secret: { name: "hooks", key: "a" } }] } },
      /^monitoring\.receivers\.0\.name: "heartbeat" .*taken/,
    ],
    [
      "a latency between two buckets",
      { monitoring: { objectives: { latency: { seconds: 0.3 } } } },
      /^monitoring\.objectives\.latency\.seconds: 0\.3/,
    ],
    ["an objective of 100 %", { monitoring: { objectives: { availability: 100 } } }, /at most 99\.999/],
  ])("%s", (_, input, expected) => {
    expect(refusal(input)).toMatch(expected);
  });
  it("all at once", () => {
    expect(refusal({ observability: "maybe", registry: { push: 3 } }).split("\n")).toHaveLength(2);
  });
});

describe("sources", () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-config-"));
  const read = (env: NodeJS.ProcessEnv, file?: string) => {
    fs.rmSync(path.join(dir, "config.yaml"), { force: true });
    if (file !== undefined) fs.writeFileSync(path.join(dir, "config.yaml"), file);
    return readSources(configKeys(), dir, env);
  };
  afterAll(() => fs.rmSync(dir, { recursive: true }));

  it("take variables over the file", () => {
    const { merged } = read({ IAC_REDIS_STORAGE: "5Gi" }, "redis: {storage: 2Gi, durability: fast}");
    expect(merged).toEqual({ redis: { storage: "5Gi", durability: "fast" } });
  });
  describe("a profile", () => {
    const given = (name: string, content: string) => {
      fs.mkdirSync(path.join(dir, "profiles"), { recursive: true });
      fs.writeFileSync(path.join(dir, "profiles", `${name}.yaml`), content);
    };
    it("lies under the file and the variables", () => {
      given("small", "redis: {storage: 1Gi, durability: fast}\nnode: {discovery: dns}");
      const { merged } = read({ IAC_PROFILE: "small", IAC_REDIS_DURABILITY: "safe" }, "redis: {storage: 2Gi}");
      expect(merged).toEqual({
        profile: "small",
        redis: { storage: "2Gi", durability: "safe" },
        node: { discovery: "dns" },
      });
    });
    it("is named in the file as well, and by a path", () => {
      fs.writeFileSync(path.join(dir, "own.yaml"), "networkPolicies: false");
      expect(read({}, "profile: ./own.yaml").merged).toMatchObject({ networkPolicies: false });
    });
    it("that is not there is refused, with those that are", () => {
      given("small", "");
      expect(read({ IAC_PROFILE: "smal" }).problems).toEqual([
        "profile: there is no smal; there are small, or the path of a file",
      ]);
    });
    it("names no other", () => {
      given("small", "profile: tiny");
      expect(read({ IAC_PROFILE: "small" }).problems[0]).toMatch(/small\.yaml names a profile itself/);
    });
    it.each(fs.readdirSync(path.join(PROJECT_ROOT, "profiles")))(
      "%s of ours is accepted, with a comment that says for whom",
      (file) => {
        const text = fs.readFileSync(path.join(PROJECT_ROOT, "profiles", file), "utf8");
        expect(text).toMatch(/^# \w/);
        expect(refusal(yaml(text) as object)).toBe("accepted");
      },
    );
  });
  it("read numbers, booleans and lists from variables", () => {
    const { merged } = read({
      IAC_SCALING_NODE_MAX: "7",
      IAC_NETWORK_POLICIES: "false",
      IAC_IMAGES_PULL_SECRETS: "[a, b]",
    });
    expect(merged).toEqual({
      scaling: { node: { max: 7 } },
      networkPolicies: false,
      images: { pullSecrets: ["a", "b"] },
    });
  });
  it("keep text as text, whatever it looks like", () => {
    expect(read({ IAC_CLUSTER_CONTEXT: "123" }).merged).toEqual({ cluster: { context: "123" } });
  });
  it("refuse a variable that is no key, and guess what was meant", () => {
    expect(read({ IAC_CHART_DIR: "/x" }).problems).toEqual([
      "IAC_CHART_DIR: no such variable; did you mean IAC_CHARTS_DIR?",
    ]);
  });
  it("refuse a file that was named and is not there", () => {
    expect(read({ IAC_CONFIG: "other.yaml" }).problems[0]).toMatch(/^IAC_CONFIG: .*other\.yaml does not exist/);
  });
  it("refuse a file that is not YAML", () => {
    expect(read({}, "a: [").problems[0]).toMatch(/config\.yaml: not YAML/);
  });
  it("give every key a variable of its own and a sentence", () => {
    const keys = configKeys();
    expect(new Set(keys.map((k) => k.env)).size).toBe(keys.length);
    expect(keys.filter((k) => !k.description).map((k) => k.path)).toEqual([]);
  });
});

it("printing hides logins in addresses and values of secret keys", () => {
  const shown = JSON.stringify(
    redact({ url: "https://user:hunter2@host", apiKey: "hunter2", list: [{ password: "hunter2" }], port: 1 }),
  );
  expect(shown).not.toContain("hunter2");
  expect(JSON.parse(shown)).toMatchObject({ url: "https://***@host", port: 1 });
});
