/** Collects every text that must not contain a password, with a name for each. */
import { execFile, execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { promisify } from "node:util";
import { gunzipSync } from "node:zlib";
import type { KubeObject } from "../../../scripts/cluster/kubectl";
import { apiImage, app, command, frontImage, kube, monitoring, projectPath, commandOutput, STATE_DIR } from "./system";

const exec = promisify(execFile);
/** Maximum uncompressed size of an image's files, in bytes. */
const IMAGE_BYTES = 1 << 30;

function files(dir: string): [string, string][] {
  return fs
    .readdirSync(projectPath(dir), { recursive: true, encoding: "utf8" })
    .map((file) => projectPath(dir, file))
    .filter((full) => !full.includes("providers") && fs.statSync(full).isFile())
    .map((full) => [`state or synthesized: ${full}`, fs.readFileSync(full, "latin1")]);
}

async function plan(layer: string): Promise<[string, string]> {
  const cwd = projectPath("cdktf.out", "stacks", layer);
  const made = await command("terraform", ["plan", "-input=false", "-no-color", "-out=secret-scan.bin"], { cwd });
  if (made.code !== 0) throw new Error(`no plan of layer ${layer}`);
  const { stdout } = await exec("terraform", ["show", "-json", "secret-scan.bin"], { cwd, maxBuffer: 256 << 20 });
  return [`plan of ${layer}`, stdout + fs.readFileSync(`${cwd}/secret-scan.bin`, "latin1")];
}

/** Helm's record of a release, including its values: a Secret that is encoded twice and compressed. */
async function releases(namespace: string): Promise<[string, string][]> {
  const secrets = (await kube.list("secrets", "-n", namespace)) as (KubeObject & { type?: string })[];
  return secrets
    .filter((s) => s.type === "helm.sh/release.v1")
    .map((s) => {
      const packed = Buffer.from(Buffer.from(s.data!["release"]!, "base64").toString(), "base64");
      return [`Helm release ${s.metadata.name}`, gunzipSync(packed).toString()];
    });
}

/** An image's files and metadata. */
async function image(name: string, reference: string): Promise<[string, string]> {
  const container = execFileSync("docker", ["create", reference]).toString().trim();
  try {
    const options = { maxBuffer: IMAGE_BYTES, encoding: "latin1" as const };
    const { stdout } = await exec("docker", ["export", container], options);
    return [`image of ${name}`, stdout + execFileSync("docker", ["inspect", reference]).toString()];
  } finally {
    execFileSync("docker", ["rm", container], { stdio: "ignore" });
  }
}

/**
 * `unread` lists containers without a shell. Their environment cannot be read from inside, but is part of the pod's
 * object.
 */
export async function scannedTexts(
  layers: readonly string[],
): Promise<{ texts: Map<string, string>; unread: string[] }> {
  const texts = new Map<string, string>();
  const unread: string[] = [];
  for (const layer of layers) texts.set(...(await plan(layer)));
  for (const dir of [STATE_DIR, "cdktf.out"]) for (const entry of files(dir)) texts.set(...entry);
  texts.set("output of the commands so far", commandOutput());
  for (const namespace of [app, monitoring]) {
    const objects = "pods,configmaps,deployments,statefulsets,daemonsets,events";
    texts.set(`objects of ${namespace}`, await kube.raw(["-n", namespace, "get", objects, "-o", "json"]));
    for (const entry of await releases(namespace)) texts.set(...entry);
    for (const pod of await kube.list("pods", "-n", namespace)) {
      const { name } = pod.metadata;
      const log = ["-n", namespace, "logs", name, "--all-containers"];
      texts.set(`log of ${name}`, await kube.raw(log, { timeoutMs: 60_000 }));
      for (const container of pod.spec!["containers"] as { name: string }[]) {
        const inside = ["-n", namespace, "exec", name, "-c", container.name, "--", "sh", "-c"];
        // of every process; some exit before their environment is read
        const text = await kube.raw([...inside, "cat /proc/[0-9]*/environ 2>/dev/null; true"]).catch(() => undefined);
        if (text) texts.set(`environment of ${name}, ${container.name}`, text);
        else unread.push(`${name}, ${container.name}`);
      }
    }
  }
  for (const [name, reference] of [
    ["node", await apiImage()],
    ["react", await frontImage()],
  ] as const)
    texts.set(...(await image(name, reference)));
  for (const file of execFileSync("git", ["ls-files"], { cwd: projectPath() }).toString().trim().split("\n"))
    if (fs.existsSync(projectPath(file)))
      texts.set(`repository: ${file}`, fs.readFileSync(projectPath(file), "latin1"));
  return { texts, unread };
}
