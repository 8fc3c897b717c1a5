/** Downloads programs from a small local server. */
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { execFileSync } from "node:child_process";
import { zipSync } from "fflate";
import { PROJECT_ROOT } from "../../../catalog/paths";
import { IMAGES, MINIMUM_TERRAFORM, TOOLS } from "../../../catalog/versions";
import { configKeys } from "../../../config";
import { compareVersions } from "../../../scripts/deploy/preflight";
import type { Run } from "../../../scripts/terminal/run-program";
import { fetchTool, platform, sourceOf, sumFor, TOOL_NAMES } from "../../../scripts/toolbox/downloads";

const run: Run = (program, args) =>
  Promise.resolve({ code: 0, stdout: execFileSync(program, args).toString(), stderr: "" });
const PROGRAM = "#!/bin/sh\necho it runs\n";
const sha256 = (content: Buffer) => createHash("sha256").update(content).digest("hex");

describe("a tool's download", () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "tools-"));
  const into = path.join(dir, "bin");
  const served = new Map<string, Buffer>();
  let server: Server;
  let host: string;
  const source = (file: string, pack: "none" | "zip" | "tar.gz") => ({
    file: `${host}/${file}`,
    sums: `${host}/sums`,
    pack,
  });
  /** Serves a file, and its checksum among those of other files. */
  const serve = (file: string, content: Buffer) => {
    served.set(`/${file}`, content);
    served.set("/sums", Buffer.from(`${"0".repeat(64)}  other.zip\n${sha256(content)}  ${file}\n`));
  };
  const runs = (program: string) => execFileSync(program).toString().trim();

  beforeAll(async () => {
    server = createServer((request, response) => {
      const content = served.get(request.url!);
      response.writeHead(content ? 200 : 404).end(content);
    }).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    host = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  beforeEach(() => {
    served.clear();
    fs.rmSync(into, { recursive: true, force: true });
  });
  afterAll(() => {
    server.close();
    fs.rmSync(dir, { recursive: true });
  });

  it("a download yields a working program, whether as a binary, in a zip or in a tar archive", async () => {
    serve("kubectl", Buffer.from(PROGRAM));
    expect(runs(await fetchTool("kubectl", source("kubectl", "none"), into))).toBe("it runs");

    serve("terraform.zip", Buffer.from(zipSync({ "LICENSE.txt": Buffer.from("x"), terraform: Buffer.from(PROGRAM) })));
    expect(runs(await fetchTool("terraform", source("terraform.zip", "zip"), into))).toBe("it runs");

    fs.mkdirSync(path.join(dir, "linux-amd64"));
    fs.writeFileSync(path.join(dir, "linux-amd64", "helm"), PROGRAM);
    execFileSync("tar", ["-czf", path.join(dir, "helm.tar.gz"), "-C", dir, "linux-amd64"]);
    serve("helm.tar.gz", fs.readFileSync(path.join(dir, "helm.tar.gz")));
    expect(runs(await fetchTool("helm", source("helm.tar.gz", "tar.gz"), into, run))).toBe("it runs");
    expect(fs.readdirSync(into).sort()).toEqual(["helm", "kubectl", "terraform"]);
  });
  it("a download is not installed if its checksum is wrong, and leaves nothing behind", async () => {
    serve("kubectl", Buffer.from(PROGRAM));
    served.set("/kubectl", Buffer.from("something else"));
    await expect(fetchTool("kubectl", source("kubectl", "none"), into)).rejects.toThrow(
      /The checksum of \S+ does not match/,
    );
    expect(fs.existsSync(into)).toBe(false);
  });
  it("a download leaves nothing behind if the archive does not contain the program", async () => {
    serve("terraform.zip", Buffer.from(zipSync({ readme: Buffer.from("x") })));
    await expect(fetchTool("terraform", source("terraform.zip", "zip"), into)).rejects.toThrow("holds no terraform");
    expect(fs.readdirSync(into)).toEqual([]);
  });
  it("a download fails with one clear sentence if the file does not exist or its host is unreachable", async () => {
    await expect(fetchTool("kubectl", source("kubectl", "none"), into)).rejects.toThrow("answered 404");
    const nowhere = { file: "http://127.0.0.1:1/a", sums: "http://127.0.0.1:1/b", pack: "none" as const };
    await expect(fetchTool("kubectl", nowhere, into)).rejects.toMatchObject({
      message: expect.stringMatching(/^127\.0\.0\.1:1 cannot be reached \(ECONNREFUSED\)\.$|^127\.0\.0\.1:1 cannot/),
      next: expect.stringContaining("Without internet access"),
    });
  });
});

describe("a tool's source", () => {
  it("the source is a URL of the publisher that contains the version, system and architecture", () => {
    for (const name of TOOL_NAMES)
      for (const p of [platform("linux", "x64"), platform("darwin", "arm64")]) {
        const { file, sums } = sourceOf(name, p);
        expect(file).toContain(TOOLS[name].version);
        expect(file).toContain(p.os);
        expect(file).toContain(p.arch);
        expect(new URL(sums).host).toBe(new URL(TOOLS[name].host).host);
      }
  });
  it("does not exist for other platforms", () => {
    expect(() => platform("win32", "x64")).toThrow("There is no download for win32 on x64");
    expect(() => platform("linux", "riscv64")).toThrow("There is no download");
  });
});

describe("a pinned version satisfies the minimum", () => {
  const read = (file: string) => fs.readFileSync(path.join(PROJECT_ROOT, file), "utf8");
  const found = (text: string, pattern: RegExp) => `${pattern.exec(text)![1]}.0`;
  const redis = configKeys().find((key) => key.path === "images.redis")!.description;
  it.each([
    ["Terraform, of `up`", TOOLS.terraform.version, MINIMUM_TERRAFORM],
    ["OpenTofu, of `up`", TOOLS.tofu.version, MINIMUM_TERRAFORM],
    ["kubectl, of the cluster", TOOLS.kubectl.version, found(read("docs/your-cluster.md"), /Kubernetes (\d+\.\d+) or/)],
    ["Redis, of images.redis", IMAGES.redis, found(redis, /(\d+\.\d+) or later/)],
    ...["node", "react"].map((name): [string, string, string] => [
      `Node.js, of image ${name}`,
      found(read(`images/${name}/Dockerfile`), /node:([\d.]+)-/),
      found(read(`images/${name}/package.json`), /"node": ">=([\d.]+)"/),
    ]),
  ])("%s: %s ≥ %s", (_, pinned, minimum) => {
    expect(compareVersions(pinned, minimum)).toBeGreaterThanOrEqual(0);
  });
});

describe("a publisher's checksums", () => {
  const sum = "a".repeat(64);
  it("checksums may be published as a single one, or as lines with file names", () => {
    expect(sumFor("https://x/kubectl", `${sum}\n`)).toBe(sum);
    expect(sumFor("https://x/kind-linux-amd64", `${sum}  kind-linux-amd64\n`)).toBe(sum);
    expect(sumFor("https://x/b.zip", `${"b".repeat(64)}  a.zip\n${sum} *b.zip\n`)).toBe(sum);
  });
  it("checksums are rejected if they do not list the file or have an unknown format", () => {
    expect(() => sumFor("https://x/c.zip", `${sum}  a.zip\n${sum}  b.zip\n`)).toThrow("lists no SHA-256 for c.zip");
    expect(() => sumFor("https://x/c.zip", "<html>not found</html>")).toThrow("lists no SHA-256");
  });
});
