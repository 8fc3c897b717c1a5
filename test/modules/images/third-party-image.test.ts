import { thirdPartyImage } from "../../../modules/images/third-party-image";
import { IMAGES } from "../../../catalog/versions";
import { synthesize, testConfig } from "../../helpers/layers";

const MIRROR = "mirror.example:5000/all";

describe("a third-party image", () => {
  it("an image is the pinned one by default", () => {
    expect(thirdPartyImage(testConfig(), "redis")).toBe(IMAGES.redis);
  });
  it("an image comes from the mirror, if one is configured, under its own path", () => {
    const config = testConfig({ images: { mirror: MIRROR } });
    expect(thirdPartyImage(config, "redis")).toBe(IMAGES.redis.replace("docker.io", MIRROR));
    expect(thirdPartyImage(config, "k6")).toMatch(/^mirror\.example:5000\/all\/grafana\/k6:/);
  });
  it("an image that the configuration sets does not come from the mirror", () => {
    const config = testConfig({ images: { mirror: MIRROR, redis: "registry.example/redis:8.2.1" } });
    expect(thirdPartyImage(config, "redis")).toBe("registry.example/redis:8.2.1");
    expect(thirdPartyImage(config, "redisExporter")).toContain(MIRROR);
  });
  it("an image without a tag is rejected, as is a mirror with a scheme and a trailing slash", () => {
    expect(() => testConfig({ images: { redis: "redis" } })).toThrow("an image name with a tag or a digest");
    expect(() => testConfig({ images: { mirror: "https://mirror.example/" } })).toThrow("HOST[:PORT][/PREFIX]");
  });
});

it("with a mirror, no layer uses another registry's image", () => {
  const text = JSON.stringify(
    synthesize({
      images: { mirror: MIRROR },
      scaling: { engine: "keda" },
      redis: { durability: "ha", backup: { schedule: "@daily" } },
    }),
  );
  expect(text.match(/docker\.io\/(library|oliver006)|quay\.io|registry\.k8s\.io|ghcr\.io/g)).toBeNull();
  // charts use the mirror too
  for (const key of ["imageRegistry", "registry", "repository"])
    expect(text.replaceAll("\\", "").includes(`"${key}":"${MIRROR}`)).toBe(true);
});
