/** `npm run sbom`: writes an SBOM (CycloneDX) of each image, with its npm packages and those of its base image. */
import * as fs from "node:fs";
import * as path from "node:path";
import { PROJECT_ROOT } from "../../catalog/paths";
import { type Config, loadConfig } from "../../config";
import { IMAGE_NAMES } from "../../modules/images/resolve";
import { emptyFolder } from "../terminal/empty-folder";
import { run as realRun, type Run } from "../terminal/run-program";
import { Failure, inStep, say } from "../terminal/ui";

const PULL_MS = 300_000;
/** npm's property of development dependencies. */
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

/** Base image of a Dockerfile's last stage, `name:tag`. @throws Failure if there is none */
export function baseImage(dockerfile: string): string {
  const stages = [...dockerfile.matchAll(/^FROM (\S+)(?: AS (\S+))?$/gim)];
  const image = stages.at(-1)?.[1];
  if (!image || !image.includes(":"))
    throw new Failure(
      "The Dockerfile's last stage has no base image with a tag.",
      "Write the base image as name:tag in its last FROM line.",
    );
  return image;
}

/** The base image as a component. */
export function imageComponent(image: string): Component {
  const [, name, version] = /^(.*):([^:/]+)$/.exec(image) as unknown as [string, string, string];
  return { type: "container", name, version, purl: `pkg:docker/${name.replace(/^docker\.io\//, "")}@${version}` };
}

/** Arguments of dpkg-query for the list that {@link debianPackages} parses. */
export const DPKG = ["-W", "-f", "${Package} ${Version} ${Architecture}\\n"];

/** Parses a list of Debian packages, one per line. @param release such as "13" */
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
  for (const name of IMAGE_NAMES) {
    await inStep(name, async (step) => {
      step.doing("npm packages");
      const context = path.resolve(PROJECT_ROOT, config.images[name].context);
      const args = ["sbom", "--sbom-format=cyclonedx", "--package-lock-only"];
      const { stdout } = await run("npm", args, { cwd: context, timeoutMs: 60_000 });
      const document = JSON.parse(stdout) as Sbom;
      // --omit=dev would also omit react, because a development dependency has it as a peer
      const shipped = document.components.filter((c) => !c.properties?.some((p) => p.name === DEVELOPMENT));
      const refs = new Set([document.metadata.component["bom-ref"], ...shipped.map((c) => c["bom-ref"])]);
      const dependencies = document.dependencies
        .filter(({ ref }) => refs.has(ref))
        .map((d) => ({ ...d, dependsOn: d.dependsOn?.filter((ref) => refs.has(ref)) }));
      const image = baseImage(fs.readFileSync(path.join(context, "Dockerfile"), "utf8"));
      step.doing(`Debian packages of ${image}`);
      const base = [imageComponent(image), ...(await packagesOf(config, image, run))];
      const file = path.join(out, `${name}.cdx.json`);
      fs.writeFileSync(
        file,
        `${JSON.stringify({ ...document, components: [...shipped, ...base], dependencies }, null, 2)}\n`,
      );
      return `${shipped.length} npm packages, ${base.length - 1} Debian packages of ${image}`;
    });
  }
  say(`Written to ${path.relative(process.cwd(), out) || "."}.`);
}

/** Lists packages with the image's own dpkg, and runs nothing else in the image. */
async function packagesOf(config: Config, image: string, run: Run): Promise<readonly Component[]> {
  const host = config.images.dockerHost ? ["--host", config.images.dockerHost] : [];
  const runInImage = async (program: string, ...args: string[]) => {
    const isolated = ["run", "--rm", "--network=none", "--read-only", "--entrypoint", program];
    return (await run("docker", [...host, ...isolated, image, ...args], { timeoutMs: PULL_MS })).stdout;
  };
  const [, release = "unknown"] = /^VERSION_ID="?(\d+)/m.exec(await runInImage("cat", "/etc/os-release")) ?? [];
  return debianPackages(await runInImage("dpkg-query", ...DPKG), release);
}
