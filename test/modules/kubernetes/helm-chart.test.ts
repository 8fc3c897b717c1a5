import { resources, synthesize } from "../../helpers/layers";

const all = synthesize();

describe("charts", () => {
  it("charts come from their repositories with an exact version", () => {
    for (const { body } of resources(all, "helm_release")) {
      expect(body["repository"]).toMatch(/^https:/);
      expect(body["version"]).toMatch(/^\d+\.\d+\.\d+$/);
    }
  });
  it("charts are found, whatever repositories are configured in this machine's Helm", () => {
    for (const { layer } of resources(all, "helm_release"))
      expect(all[layer]["provider"]["helm"]).toEqual([
        expect.objectContaining({
          repository_config_path: ".terraform/helm/repositories.yaml",
          repository_cache: ".terraform/helm/repository",
        }),
      ]);
  });
  it("charts from a folder must exist; the error names the missing file and explains how to get it", () => {
    expect(() => synthesize({ charts: { dir: __dirname } })).toThrow(
      /metrics-server-.*\.tgz does not exist; the folder holds no chart\. Get it with: helm pull metrics-server/,
    );
    expect(() => synthesize({ charts: { dir: "/nowhere" } })).toThrow(/the folder does not exist/);
  });
});
