import { shortAddress } from "../../../scripts/terraform/terraform";

it("resource addresses are shortened to construct ids", () => {
  expect(shortAddress("kubernetes_manifest.redis-main_workload_manifest_2E275EB7")).toBe(
    "redis-main_workload_manifest",
  );
  expect(shortAddress("docker_image.node_image-a5ba65caa5fb601b_A5E0A0E2[0]")).toBe("node_image-a5ba65caa5fb601b");
});
