import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { parse as yaml } from "yaml";
import { PROJECT_ROOT } from "../../catalog/paths";
import { configKeys } from "../../config";
import { readSources } from "../../config/sources";
import { refusal } from "../helpers/refusal";

/** Paths and values of a configuration, excluding maps and lists. */
function* leaves(value: object, at: readonly string[] = []): Generator<[string, unknown]> {
  for (const [key, inner] of Object.entries(value) as [string, unknown][]) {
    if (typeof inner === "object" && inner !== null && !Array.isArray(inner)) yield* leaves(inner, [...at, key]);
    else yield [[...at, key].join("."), inner];
  }
}

describe("sources", () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-config-"));
  const read = (env: NodeJS.ProcessEnv, file?: string) => {
    fs.rmSync(path.join(dir, "config.yaml"), { force: true });
    if (file !== undefined) fs.writeFileSync(path.join(dir, "config.yaml"), file);
    return readSources(configKeys(), dir, env);
  };
  afterAll(() => fs.rmSync(dir, { recursive: true }));

  it("give environment variables precedence over the configuration file", () => {
    const { merged } = read({ IAC_REDIS_STORAGE: "5Gi" }, "redis: {storage: 2Gi, durability: fast}");
    expect(merged).toEqual({ redis: { storage: "5Gi", durability: "fast" } });
  });
  describe("a profile", () => {
    const given = (name: string, content: string) => {
      fs.mkdirSync(path.join(dir, "profiles"), { recursive: true });
      fs.writeFileSync(path.join(dir, "profiles", `${name}.yaml`), content);
    };
    it("a profile is overridden by the configuration file and by environment variables", () => {
      given("small", "redis: {storage: 1Gi, durability: fast}\nnode: {discovery: dns}");
      const { merged } = read({ IAC_PROFILE: "small", IAC_REDIS_DURABILITY: "safe" }, "redis: {storage: 2Gi}");
      expect(merged).toEqual({
        profile: "small",
        redis: { storage: "2Gi", durability: "safe" },
        node: { discovery: "dns" },
      });
    });
    it("a profile can be selected by its path in the configuration file", () => {
      fs.writeFileSync(path.join(dir, "own.yaml"), "networkPolicies: false");
      expect(read({}, "profile: ./own.yaml").merged).toMatchObject({ networkPolicies: false });
    });
    it("a profile is rejected if it does not exist; the error names the existing ones", () => {
      given("small", "");
      expect(read({ IAC_PROFILE: "smal" }).problems).toEqual([
        "profile: smal does not exist; use small, or the path of a file",
      ]);
    });
    it("a profile is still accepted in existing files if it was removed because it repeated the defaults", () => {
      given("small", "");
      expect(read({}, "profile: kind")).toMatchObject({ problems: [], merged: {} });
    });
    it("a profile cannot name another profile", () => {
      given("small", "profile: tiny");
      expect(read({ IAC_PROFILE: "small" }).problems[0]).toMatch(/small\.yaml must not name a profile/);
    });
    it.each(fs.readdirSync(path.join(PROJECT_ROOT, "profiles")))(
      "%s in profiles/ is accepted, and a comment states its purpose",
      (file) => {
        const text = fs.readFileSync(path.join(PROJECT_ROOT, "profiles", file), "utf8");
        expect(text).toMatch(/^# \w/);
        expect(refusal(yaml(text) as object)).toBe("accepted");
      },
    );
    it.each(fs.readdirSync(path.join(PROJECT_ROOT, "profiles")))(
      "%s in profiles/ changes at least one default, and repeats none",
      (file) => {
        const text = fs.readFileSync(path.join(PROJECT_ROOT, "profiles", file), "utf8");
        const given = yaml(text) as Record<string, unknown>;
        const defaults = new Map(configKeys().map((key) => [key.path, key.default]));
        expect(Object.keys(given)).not.toEqual([]);
        const repeated = [...leaves(given)].filter(([key, value]) => defaults.get(key) === value);
        expect(repeated).toEqual([]);
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
  it("keep text as text, even if it looks like a number", () => {
    expect(read({ IAC_CLUSTER_CONTEXT: "123" }).merged).toEqual({ cluster: { context: "123" } });
  });
  it.each(configKeys().filter((key) => key.isNullable))("set $path to null by its variable", ({ env, path: key }) => {
    const { merged, problems } = read({ [env]: "null" });
    expect(problems).toEqual([]);
    expect(key.split(".").reduce<unknown>((map, part) => (map as Record<string, unknown>)[part], merged)).toBeNull();
    expect(refusal(merged)).toBe("accepted");
  });
  it("keep the word null as text if null is not accepted", () => {
    expect(read({ IAC_CLUSTER_CONTEXT: "null" }).merged).toEqual({ cluster: { context: "null" } });
  });
  it("reject an unknown variable, and suggest the closest one", () => {
    expect(read({ IAC_CHART_DIR: "/x" }).problems).toEqual([
      "IAC_CHART_DIR: no such variable; did you mean IAC_CHARTS_DIR?",
    ]);
  });
  it("reject a configured file that does not exist", () => {
    expect(read({ IAC_CONFIG: "other.yaml" }).problems[0]).toMatch(/^IAC_CONFIG: .*other\.yaml does not exist/);
  });
  it("refuse a file that is not YAML", () => {
    expect(read({}, "a: [").problems[0]).toMatch(/config\.yaml: not YAML/);
  });
});
