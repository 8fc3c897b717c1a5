import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { PROJECT_ROOT } from "../../../catalog/paths";
import type { Run } from "../../../scripts/terminal/run-program";
import { baseImage, debianPackages, imageComponent, sbom, type Sbom } from "../../../scripts/maintenance/sbom";

describe("an image's SBOM", () => {
  const out = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-sbom-"));
  afterAll(() => fs.rmSync(out, { recursive: true }));

  it("contains the lock file's npm packages except dev dependencies, the base image, and its Debian packages", async () => {
    const dockerCommands: string[] = [];
    // the real npm, and a fake Docker
    const run: Run = async (program, args, options) => {
      if (program !== "docker") {
        const stdout = execFileSync(program, args, { cwd: options.cwd!, encoding: "utf8", stdio: "pipe" });
        return { code: 0, stderr: "", stdout };
      }
      dockerCommands.push(args.join(" "));
      const os = args.includes("cat");
      return { code: 0, stderr: "", stdout: os ? 'VERSION_ID="13"\n' : "libc6 2.41-12 amd64\nzlib1g 1:1.3 amd64\n" };
    };
    await sbom({ out }, run);
    const read = (name: string) =>
      JSON.parse(fs.readFileSync(path.join(out, `${name}.cdx.json`), "utf8")) as Pick<
        Sbom,
        "components" | "dependencies"
      >;
    const names = read("node").components.map((c) => c.name);
    const base = baseImage(fs.readFileSync(path.join(PROJECT_ROOT, "images/node/Dockerfile"), "utf8"));
    expect(names).toEqual(expect.arrayContaining(["ioredis", "prom-client", imageComponent(base).name, "libc6"]));
    expect(names).not.toContain("vitest");
    expect(read("react").components.map((c) => c.name)).toEqual(expect.arrayContaining(["react-dom", "libc6"]));
    // no references to components that were left out
    const { components, dependencies } = read("react");
    const refs = new Set(["iacproject-react@0.1.0", ...components.map((c) => c["bom-ref"])]);
    expect(dependencies.flatMap((d) => [d.ref, ...(d.dependsOn ?? [])]).filter((ref) => !refs.has(ref))).toEqual([]);
    expect(dockerCommands.every((line) => line.includes("--network=none") && line.includes("--read-only"))).toBe(true);
  }, 60_000);

  it("names Debian's packages as other tools do", () => {
    expect(debianPackages("zlib1g 1:1.3.dfsg-3 arm64\n", "12")[0]!.purl).toBe(
      "pkg:deb/debian/zlib1g@1%3A1.3.dfsg-3?arch=arm64&distro=debian-12",
    );
  });
  it("uses the base image of a Dockerfile's last stage, and refuses one without a tag", () => {
    expect(baseImage("FROM a:1 AS build\nRUN x\nFROM docker.io/library/b:2\n")).toBe("docker.io/library/b:2");
    expect(() => baseImage("FROM scratch\n")).toThrow("has no base image with a tag");
    expect(imageComponent("docker.io/library/b:2")).toMatchObject({ version: "2", purl: "pkg:docker/library/b@2" });
  });
});
