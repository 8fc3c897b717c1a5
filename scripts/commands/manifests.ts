/** `npm run manifests`: writes the objects as Kubernetes YAML, one folder per layer, for review, GitOps or scanners. */
import * as fs from "node:fs";
import * as path from "node:path";
import { stringify } from "yaml";
import { loadConfig, type Config } from "../../config";
import { LAYERS } from "../../stacks/outputs";
import type { ResolvedImages } from "../../modules/images/resolve";
import { emptyFolder } from "../terminal/empty-folder";
import { CLUSTER_IP_OF, layerManifests, type HelmRelease } from "../terraform/render-manifests";
import { run, RunError } from "../terminal/run-program";
import { readStacks, synth } from "../terraform/synth";
import { OUT_DIR } from "../terraform/terraform";
import { say, yellow } from "../terminal/ui";

const HELM_MS = 120_000;
/** The Kubernetes version that charts are rendered for. */
const KUBE_VERSION = "1.34.0";

interface Named {
  readonly kind: string;
  readonly metadata: { readonly name: string };
}
const named = (object: object): string => {
  const { kind, metadata } = object as Named;
  return `${kind} ${metadata.name}`;
};

export async function manifests(options: { out: string }): Promise<void> {
  const config = loadConfig();
  const out = emptyFolder("manifests", options.out);
  const images = await synth(config, { tolerant: true });
  const stacks = readStacks();
  const given = { images: references(config, images) };
  for (const layer of LAYERS) {
    const { objects, releases, left } = layerManifests(layer, stacks, given);
    const folder = path.join(out, layer);
    fs.mkdirSync(folder, { recursive: true });
    for (const object of objects) {
      const { kind, metadata } = object as unknown as Named;
      fs.writeFileSync(path.join(folder, `${kind.toLowerCase()}-${metadata.name}.yaml`), stringify(object));
    }
    const addressed = objects.filter((o) => JSON.stringify(o).includes(CLUSTER_IP_OF)).map(named);
    for (const release of releases) await chart(release, layer, folder);
    say(`${layer.padEnd(14)} ${objects.length} objects, ${releases.length} charts`);
    if (addressed.length)
      say(
        yellow(
          `  ${CLUSTER_IP_OF}… is a placeholder for a Service's address, which is only known after a deployment. It occurs in: ${addressed.join(", ")}`,
        ),
      );
    for (const object of left) say(yellow(`  not written, because its content comes from the cluster: ${object}`));
  }
  say(
    `Written to ${path.relative(process.cwd(), out) || "."}. Secrets contain no passwords; a deployment generates them.`,
  );
}

/** Image references: by digest if the registry has the image, otherwise by tag. */
const references = (config: Config, images: ResolvedImages): Record<string, string> =>
  Object.fromEntries(
    Object.entries(images).map(([name, image]) => {
      if (image.kind === "prebuilt") return [`${name}_image`, image.reference];
      const repository = `${config.registry.pull}/${image.repository}`;
      const { inRegistry, tag } = image;
      return [
        `${name}_image`,
        inRegistry.state === "held" ? `${repository}@${inRegistry.digest}` : `${repository}:${tag}`,
      ];
    }),
  );

/** Writes a chart's values, and its rendered objects if helm is installed. */
async function chart(release: HelmRelease, layer: string, folder: string): Promise<void> {
  const { name, namespace, version, repository } = release;
  const base = path.join(folder, `chart-${name}`);
  const values = `${base}-values.yaml`;
  fs.writeFileSync(values, stringify(JSON.parse(release.values || "{}")));
  // relative to the folder in which Terraform runs
  const local = path.resolve(OUT_DIR, "stacks", layer, release.chart);
  const source = fs.existsSync(local) ? [local] : [release.chart, ...(repository ? ["--repo", repository] : [])];
  const args = ["template", name, ...source, ...(version ? ["--version", version] : []), "-n", namespace];
  // helm's default is the version it was built with
  args.push("--kube-version", KUBE_VERSION);
  try {
    const { stdout } = await run("helm", [...args, "--include-crds", "-f", values], { timeoutMs: HELM_MS });
    fs.writeFileSync(`${base}.yaml`, stdout);
  } catch (error) {
    if (!(error instanceof RunError)) throw error;
    const why = error.code === undefined && !error.output ? "helm is not installed" : error.message;
    say(yellow(`  chart ${name}: only its values were written: ${why}`));
  }
}
