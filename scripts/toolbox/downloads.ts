/**
 * Downloads pinned versions of missing programs from their publishers, into .tools/bin of this project only.
 * A download must match the publisher's SHA-256 before it is installed.
 */
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { PROJECT_ROOT } from "../../catalog/paths";
import { TOOLS } from "../../catalog/versions";
import { fetchOutside, fetchProblem } from "../../config/proxy";
import { run as realRun, type Run } from "../terminal/run-program";
import { Failure } from "../terminal/ui";

export type ToolName = keyof typeof TOOLS;
export const TOOL_NAMES = Object.keys(TOOLS) as ToolName[];

/** scripts/bootstrap.mjs appends this folder to the PATH, so the machine's own programs take precedence. */
export const TOOLS_DIR = path.join(PROJECT_ROOT, ".tools", "bin");
const DOWNLOAD_MS = 300_000;

interface Platform {
  readonly os: "linux" | "darwin";
  readonly arch: "amd64" | "arm64";
}

/** @throws Failure if the publishers have no download for this machine */
export function platform(system: string = os.platform(), machine: string = os.arch()): Platform {
  const arch = ({ x64: "amd64", arm64: "arm64" } as const)[machine];
  if ((system === "linux" || system === "darwin") && arch) return { os: system, arch };
  throw new Failure(
    `There is no download for ${system} on ${machine}; Linux and macOS on amd64 and arm64 are supported.`,
    "Install the program manually. On Windows, use WSL.",
  );
}

interface Source {
  readonly file: string;
  /**
   * URL of the SHA-256 checksum of `file`: a file with only the checksum, or with a line that also has the file's name.
   */
  readonly sums: string;
  readonly pack: "none" | "zip" | "tar.gz";
}

/** The URLs of a tool. */
export function sourceOf(name: ToolName, p: Platform): Source {
  const { version, host } = TOOLS[name];
  const at = `${p.os}_${p.arch}`;
  switch (name) {
    case "terraform": {
      const base = `${host}/terraform/${version}/terraform_${version}`;
      return { file: `${base}_${at}.zip`, sums: `${base}_SHA256SUMS`, pack: "zip" };
    }
    case "tofu": {
      const base = `${host}/opentofu/opentofu/releases/download/v${version}/tofu_${version}`;
      return { file: `${base}_${at}.zip`, sums: `${base}_SHA256SUMS`, pack: "zip" };
    }
    case "kubectl": {
      const file = `${host}/release/v${version}/bin/${p.os}/${p.arch}/kubectl`;
      return { file, sums: `${file}.sha256`, pack: "none" };
    }
    case "kind": {
      const file = `${host}/dl/v${version}/kind-${p.os}-${p.arch}`;
      return { file, sums: `${file}.sha256sum`, pack: "none" };
    }
    case "helm": {
      const file = `${host}/helm-v${version}-${p.os}-${p.arch}.tar.gz`;
      return { file, sums: `${file}.sha256sum`, pack: "tar.gz" };
    }
  }
}

async function download(address: string): Promise<Buffer> {
  const { host } = new URL(address);
  let response: Response;
  try {
    response = await fetchOutside(address, { signal: AbortSignal.timeout(DOWNLOAD_MS) });
  } catch (error) {
    throw new Failure(
      `${host} cannot be reached (${fetchProblem(error, address)}).`,
      "Behind a proxy, set HTTPS_PROXY. Without internet access, install the program manually in the PATH or in .tools/bin (docs/air-gapped.md).",
    );
  }
  if (!response.ok) throw new Failure(`${address} answered ${response.status}.`);
  return Buffer.from(await response.arrayBuffer());
}

/** The checksum of `file` in its publisher's list. @throws Failure if there is none */
export function sumFor(file: string, sums: string): string {
  const name = file.split("/").at(-1)!;
  const lines = sums.trim().split("\n");
  const line = lines.length === 1 ? lines[0] : lines.find((l) => l.trim().split(/\s+\*?/)[1] === name);
  const sum = /^[0-9a-f]{64}(?=\s|$)/.exec(line?.trim() ?? "")?.[0];
  if (!sum) throw new Failure(`The publisher lists no SHA-256 for ${name}; it was not installed.`);
  return sum;
}

/**
 * Downloads and verifies one tool, then installs it in one step; returns its path.
 *
 * @param source URLs. @default those of its publisher
 * @param into folder to install it in. @default .tools/bin
 */
export async function fetchTool(
  name: ToolName,
  source: Source = sourceOf(name, platform()),
  into: string = TOOLS_DIR,
  run: Run = realRun,
): Promise<string> {
  const [sums, content] = await Promise.all([download(source.sums), download(source.file)]);
  const expected = sumFor(source.file, sums.toString("utf8"));
  const actual = createHash("sha256").update(content).digest("hex");
  if (actual !== expected) {
    throw new Failure(
      `The checksum of ${source.file} does not match: SHA-256 ${actual}, expected ${expected}. It was not installed.`,
      "Try again. If this happens again, a proxy or mirror may be altering the download.",
    );
  }
  fs.mkdirSync(into, { recursive: true });
  const program = path.join(into, name);
  const work = fs.mkdtempSync(path.join(into, `.${name}-`));
  try {
    const part = path.join(work, name);
    if (source.pack === "zip") {
      const { unzipSync } = await import("fflate");
      const inside = unzipSync(content, { filter: (f) => f.name === name })[name];
      if (!inside) throw new Failure(`${source.file} holds no ${name}.`);
      fs.writeFileSync(part, inside);
    } else if (source.pack === "tar.gz") {
      const archive = path.join(work, "archive.tar.gz");
      fs.writeFileSync(archive, content);
      await run("tar", ["-xzf", archive, "-C", work, "--strip-components=1"], { timeoutMs: 60_000 });
      if (!fs.existsSync(part)) throw new Failure(`${source.file} holds no ${name}.`);
    } else fs.writeFileSync(part, content);
    fs.chmodSync(part, 0o755);
    fs.renameSync(part, program);
  } finally {
    fs.rmSync(work, { recursive: true, force: true });
  }
  return program;
}

/** Whether a program is installed, in the PATH or in .tools/bin. */
export async function isInstalled(name: string): Promise<boolean> {
  const args: Readonly<Record<string, readonly string[]>> = { kubectl: ["version", "--client"], kind: ["version"] };
  try {
    await realRun(name, args[name] ?? ["version"], { timeoutMs: 20_000 });
    return true;
  } catch {
    return false;
  }
}
