/** `npm run sbom`: what is in both images, as CycloneDX: packages of npm by the lock files, of Debian by the base images. */
import * as fs from "node:fs";
import * as path from "node:path";
import { PROJECT_ROOT } from "../../catalog/paths";
import { type Config, loadConfig } from "../../config";
import { emptyFolder } from "../terminal/empty-folder";
import { run as realRun, type Run } from "../terminal/run-program";
import { Failure, inStep, say } from "../terminal/ui";

const PULL_MS = 300_000;
/** What npm calls a package that only development needs. */
const DEVELOPMENT = "cdx:npm:package:development";

export interface Component {
  readonly type: string;
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly "bom-ref"?: string;
  readonly properties?: readonly { readonly name: string }[];
}
export interface Sbom {
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn?: readonly string[] }[];
  readonly metadata: { readonly component: { readonly "bom-ref": string } };
  readonly components: readonly Component[];
}

/** The image that a Dockerfile's last stage builds on, `name:tag`. @throws Failure where there is none */
export function baseImage(dockerfile: string): string {
  const stages = [...dockerfile.matchAll(/^FROM (\S+)(?: AS (\S+))?$/gim)];
  const image = stages.at(-1)?.[1];
  if (!image || !image.includes(":")) throw new Failure("The Dockerfile's last stage names no image with a tag.");
  return image;
}

/** The base image itself. */
export function imageComponent(image: string): Component {
  const [, name, version] = /^(.*):([^:/]+)$/.exec(image) as unknown as [string, string, string];
  return { type: "container", name, version, purl: `pkg:docker/${name.replace(/^docker\.io\//, "")}@${version}` };
}

/** How dpkg is asked for what {@link debianPackages} reads. */
export const DPKG = ["-W", "-f", "${Package} ${Version} ${Architecture}\\n"];

/** Debian's packages, a line each. @param release such as "13" */
export const debianPackages = (list: string, release: string): readonly Component[] =>
  list
    .trim()
    .split("\n")
    .map((line) => {
      const [name = "", version = "", arch = ""] = line.split(" ");
      const purl = `pkg:deb/debian/${name}@${encodeURIComponent(version)}?arch=${arch}&distro=debian-${release}`;
      return { type: "library", name, version, purl, "bom-ref": purl };
    });

export async function sbom(options: { out: string }, run: Run = realRun): Promise<void> {
  const config = loadConfig();
  const out = emptyFolder("sbom", options.out);
  fs.mkdirSync(out, { recursive: true });
  for (const name of ["node", "react"] as const) {
    await inStep(name, async (step) => {
      step.doing("npm's packages");
      const context = path.resolve(PROJECT_ROOT, config.images[name].context);
      const args = ["sbom", "--sbom-format=cyclonedx", "--package-lock-only"];
      const { stdout } = await run("npm", args, { cwd: context, timeoutMs: 60_000 });
      const made = JSON.parse(stdout) as Sbom;
      // not by --omit=dev, which leaves out react as well: something of development has it for a peer
      const shipped = made.components.filter((c) => !c.properties?.some((p) => p.name === DEVELOPMENT));
      const known = new Set([made.metadata.component["bom-ref"], ...shipped.map((c) => c["bom-ref"])]);
      const dependencies = made.dependencies
        .filter(({ ref }) => known.has(ref))
        .map((d) => ({ ...d, dependsOn: d.dependsOn?.filter((ref) => known.has(ref)) }));
      const image = baseImage(fs.readFileSync(path.join(context, "Dockerfile"), "utf8"));
      step.doing(`Debian's packages in ${image}`);
      const base = [imageComponent(image), ...(await packagesOf(config, image, run))];
      const file = path.join(out, `${name}.cdx.json`);
      fs.writeFileSync(
        file,
        `${JSON.stringify({ ...made, components: [...shipped, ...base], dependencies }, null, 2)}\n`,
      );
      return `${shipped.length} packages of npm, ${base.length - 1} of ${image}`;
    });
  }
  say(`Written to ${path.relative(process.cwd(), out) || "."}.`);
}

/** By the image's own dpkg; nothing in it is started besides. */
async function packagesOf(config: Config, image: string, run: Run): Promise<readonly Component[]> {
  const host = config.images.dockerHost ? ["--host", config.images.dockerHost] : [];
  const ask = async (program: string, ...args: string[]) => {
    const isolated = ["run", "--rm", "--network=none", "--read-only", "--entrypoint", program];
    return (await run("docker", [...host, ...isolated, image, ...args], { timeoutMs: PULL_MS })).stdout;
  };
  const [, release = "unknown"] = /^VERSION_ID="?(\d+)/m.exec(await ask("cat", "/etc/os-release")) ?? [];
  return debianPackages(await ask("dpkg-query", ...DPKG), release);
}
