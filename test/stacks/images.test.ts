import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { contextFiles, contextHash } from "../../modules/images/context-hash";
import { resolveImages } from "../../modules/images/resolve";
import { builtImages, DIGEST, resources, synthesize, testConfig } from "../helpers/layers";

const images = (state: "held" | "absent" | "unreachable", tag?: string) =>
  synthesize({}, builtImages(state, tag)).images;
const only = (json: ReturnType<typeof images>, type: string) => resources({ images: json }, type).map((r) => r.body);

describe("a tag that the registry lacks", () => {
  const json = images("absent");
  it("is built from the context and pushed, and stays in the registry after a destroy", () => {
    expect(only(json, "docker_image").map((i) => i["build"].context)).toEqual(["/src/node", "/src/react"]);
    expect(only(json, "docker_registry_image").map((i) => i["keep_remotely"])).toEqual([true, true]);
    expect(only(json, "docker_image")[0]!["name"]).toBe("localhost:5000/iacproject-node:0123456789abcdef");
  });
  it("makes a state that once took it from the registry build it again", () => {
    for (const seen of only(json, "terraform_data")) {
      expect(seen["input"].digest).toBe("");
      expect(seen["lifecycle"]?.ignore_changes).toBeUndefined();
    }
  });
  it("is deployed by digest, never by tag", () => {
    expect(json["output"].node_image.value).toMatch(/^localhost:5000\/iacproject-node@\$\{.*sha256_digest.*\}$/);
  });
});

describe("a tag that the registry holds", () => {
  const json = images("held");
  it("is used as it is where this state has not built it", () => {
    for (const seen of only(json, "terraform_data")) expect(seen["input"].digest).toBe(DIGEST);
    for (const type of ["docker_image", "docker_registry_image"]) {
      for (const image of only(json, type)) expect(image["count"]).toMatch(/\.input\.digest == "" \? 1 : 0\}$/);
    }
  });
  it("changes nothing where this state has built it", () => {
    for (const seen of only(json, "terraform_data")) expect(seen["lifecycle"].ignore_changes).toEqual(["input"]);
    for (const image of only(json, "docker_image")) {
      expect(image["build"]).toBeUndefined();
      expect(image["lifecycle"].ignore_changes).toEqual(["build"]);
    }
  });
});

it("an unreachable registry stops the plan with a sentence, and is never read as a lost image", () => {
  for (const seen of only(images("unreachable"), "terraform_data")) {
    expect(seen["lifecycle"].ignore_changes).toEqual(["input"]);
    expect(seen["lifecycle"].precondition).toEqual([
      {
        condition: expect.stringMatching(/^\$\{local\..*registry-reachable.*\}$/),
        error_message: expect.stringMatching(/registry could not be asked \(localhost:5000: ECONNREFUSED\)\. Start it/),
      },
    ]);
  }
});

it("another tag is another set of resources", () => {
  const ids = (tag: string) => resources({ images: images("absent", tag) }).map((r) => r.id);
  expect(ids("aaaaaaaaaaaaaaaa").filter((id) => ids("bbbbbbbbbbbbbbbb").includes(id))).toEqual([]);
});

it("prebuilt images need no Docker: no provider, no resource", () => {
  const reference = `registry.example/api@${DIGEST}`;
  const json = synthesize(
    {},
    { node: { kind: "prebuilt", reference }, react: { kind: "prebuilt", reference: "registry.example/page:1.0" } },
  ).images;
  expect(json["provider"]).toBeUndefined();
  expect(json["resource"]).toBeUndefined();
  expect(json["output"].node_image.value).toBe(reference);
});

it("a registry with a login gets Docker's own configuration file, not a password", () => {
  const { images: json } = synthesize({ registry: { push: "registry.example/team", auth: "docker" } });
  expect(json["provider"].docker[0].registry_auth).toEqual([
    { address: "https://registry.example", config_file: "/home/someone/.docker/config.json" },
  ]);
});

describe("the context hash", () => {
  let dir: string;
  const write = (file: string, text: string, mode = 0o644) => {
    fs.mkdirSync(path.dirname(path.join(dir, file)), { recursive: true });
    fs.writeFileSync(path.join(dir, file), text, { mode });
    fs.chmodSync(path.join(dir, file), mode);
  };
  const hash = (over: object = {}) => contextHash({ context: dir, dockerfile: "Dockerfile", ...over });
  beforeEach(() => {
    dir = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-context-"));
    write("Dockerfile", "FROM scratch");
    write("src/a.ts", "a");
    write(".dockerignore", "*.log\nnode_modules\n");
  });
  afterEach(() => fs.rmSync(dir, { recursive: true }));

  it("is the same for the same sources elsewhere, whatever their times", () => {
    const before = hash();
    const copy = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-context-"));
    fs.cpSync(dir, copy, { recursive: true });
    fs.utimesSync(path.join(copy, "src/a.ts"), 1, 1);
    expect(contextHash({ context: copy, dockerfile: "Dockerfile" })).toBe(before);
    fs.rmSync(copy, { recursive: true });
  });
  it("changes with one byte, a name, an executable bit, the Dockerfile and the platform", () => {
    const seen = [hash(), hash({ platform: "linux/arm64" })];
    write("src/a.ts", "b");
    seen.push(hash());
    write("src/b.ts", "b");
    seen.push(hash());
    write("src/b.ts", "b", 0o755);
    seen.push(hash());
    write("Dockerfile", "FROM scratch\n");
    seen.push(hash());
    expect(new Set(seen).size).toBe(seen.length);
  });
  it("does not change with what .dockerignore leaves out", () => {
    const before = hash();
    write("x.log", "noise");
    write("node_modules/p/index.js", "noise");
    expect(hash()).toBe(before);
  });
  it("follows exceptions in .dockerignore", () => {
    write(".dockerignore", "**\n!src\n!src/**\n");
    expect(contextFiles(dir)).toEqual(["src/a.ts"]);
  });
  it("includes a Dockerfile that .dockerignore leaves out, for Docker reads it all the same", () => {
    write(".dockerignore", "**\n!src\n!src/**\n");
    const before = hash();
    write("Dockerfile", "FROM other");
    expect(hash()).not.toBe(before);
  });
  it("refuses a context or a Dockerfile that is not there", () => {
    expect(() => contextHash({ context: "/nowhere", dockerfile: "Dockerfile" })).toThrow(
      "image context /nowhere does not exist",
    );
    expect(() => hash({ dockerfile: "Other" })).toThrow(/has no Other$/);
  });
});

describe("images by configuration", () => {
  const ask = jest.fn(() => Promise.resolve({ state: "absent" as const }));
  it("can come from another checkout", async () => {
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-checkout-"));
    fs.writeFileSync(path.join(dir, "Dockerfile"), "FROM scratch");
    const { node } = await resolveImages(testConfig({ images: { node: { context: dir } } }), ask);
    expect(node).toMatchObject({ kind: "built", context: dir });
    fs.rmSync(dir, { recursive: true });
  });
  it("are not hashed and not asked for where they are prebuilt", async () => {
    ask.mockClear();
    const prebuilt = { image: "registry.example/x:1" };
    await resolveImages(testConfig({ images: { node: { ...prebuilt, context: "/nowhere" }, react: prebuilt } }), ask);
    expect(ask).not.toHaveBeenCalled();
  });
});
