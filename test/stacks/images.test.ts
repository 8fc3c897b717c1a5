import { builtImages, DIGEST, resources, synthesize } from "../helpers/layers";

const images = (state: "held" | "absent" | "unreachable", tag?: string) =>
  synthesize({}, builtImages(state, tag)).images;
const only = (json: ReturnType<typeof images>, type: string) => resources({ images: json }, type).map((r) => r.body);

describe("a tag that is missing from the registry", () => {
  const json = images("absent");
  it("a missing image is built from its context and pushed, and stays in the registry after a destroy", () => {
    expect(only(json, "docker_image").map((i) => i["build"].context)).toEqual(["/src/node", "/src/react"]);
    expect(only(json, "docker_registry_image").map((i) => i["keep_remotely"])).toEqual([true, true]);
    expect(only(json, "docker_image")[0]!["name"]).toBe("localhost:5000/iacproject-node:0123456789abcdef");
  });
  it("a missing image is built again if the state previously used it from the registry", () => {
    for (const seen of only(json, "terraform_data")) {
      expect(seen["input"].digest).toBe("");
      expect(seen["lifecycle"]?.ignore_changes).toBeUndefined();
    }
  });
  it("is deployed by digest, never by tag", () => {
    expect(json["output"].node_image.value).toMatch(/^localhost:5000\/iacproject-node@\$\{.*sha256_digest.*\}$/);
  });
});

describe("a tag that the registry contains", () => {
  const json = images("held");
  it("an existing image is used unchanged if this state did not build it", () => {
    for (const seen of only(json, "terraform_data")) expect(seen["input"].digest).toBe(DIGEST);
    for (const type of ["docker_image", "docker_registry_image"]) {
      for (const image of only(json, type)) expect(image["count"]).toMatch(/\.input\.digest == "" \? 1 : 0\}$/);
    }
  });
  it("changes nothing if this state built it", () => {
    for (const seen of only(json, "terraform_data")) expect(seen["lifecycle"].ignore_changes).toEqual(["input"]);
    for (const image of only(json, "docker_image")) {
      expect(image["build"]).toBeUndefined();
      expect(image["lifecycle"].ignore_changes).toEqual(["build"]);
    }
  });
});

it("an unreachable registry stops the plan with a clear error, and is not mistaken for a missing image", () => {
  for (const seen of only(images("unreachable"), "terraform_data")) {
    expect(seen["lifecycle"].ignore_changes).toEqual(["input"]);
    expect(seen["lifecycle"].precondition).toEqual([
      {
        condition: expect.stringMatching(/^\$\{local\..*registry-reachable.*\}$/),
        error_message: expect.stringMatching(
          /registry could not be queried \(localhost:5000: ECONNREFUSED\)\. Start it/,
        ),
      },
    ]);
  }
});

it("a different tag results in different resources", () => {
  const ids = (tag: string) => resources({ images: images("absent", tag) }).map((r) => r.id);
  expect(ids("aaaaaaaaaaaaaaaa").filter((id) => ids("bbbbbbbbbbbbbbbb").includes(id))).toEqual([]);
});

it("prebuilt images do not need Docker: there is no provider and no resource", () => {
  const reference = `registry.example/api@${DIGEST}`;
  const json = synthesize(
    {},
    { node: { kind: "prebuilt", reference }, react: { kind: "prebuilt", reference: "registry.example/page:1.0" } },
  ).images;
  expect(json["provider"]).toBeUndefined();
  expect(json["resource"]).toBeUndefined();
  expect(json["output"].node_image.value).toBe(reference);
});

it("for a registry with a login, the provider gets Docker's own configuration file, not a password", () => {
  const { images: json } = synthesize({ registry: { push: "registry.example/team", auth: "docker" } });
  expect(json["provider"].docker[0].registry_auth).toEqual([
    { address: "https://registry.example", config_file: "/home/someone/.docker/config.json" },
  ]);
});

it("the provider uses the configured Docker engine, even if DOCKER_CONTEXT is set", () => {
  const { images: json } = synthesize({ images: { dockerHost: "unix:///home/me/.colima/default/docker.sock" } });
  expect(json["provider"].docker[0]).toMatchObject({
    host: "unix:///home/me/.colima/default/docker.sock",
    context: "",
  });
});
