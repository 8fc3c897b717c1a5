import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { contextFiles, contextHash } from "../../../modules/images/context-hash";

describe("the context hash", () => {
  let dir: string;
  const write = (file: string, text: string, mode = 0o644) => {
    fs.mkdirSync(path.dirname(path.join(dir, file)), { recursive: true });
    fs.writeFileSync(path.join(dir, file), text, { mode });
    fs.chmodSync(path.join(dir, file), mode);
  };
  const hash = (over: object = {}) => contextHash({ context: dir, dockerfile: "Dockerfile", ...over });
  beforeEach(() => {
    dir = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-context-"));
    write("Dockerfile", "FROM scratch");
    write("src/a.ts", "a");
    write(".dockerignore", "*.log\nnode_modules\n");
  });
  afterEach(() => fs.rmSync(dir, { recursive: true }));

  it("the hash is the same for the same sources in another folder, whatever their timestamps", () => {
    const before = hash();
    const copy = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-context-"));
    fs.cpSync(dir, copy, { recursive: true });
    fs.utimesSync(path.join(copy, "src/a.ts"), 1, 1);
    expect(contextHash({ context: copy, dockerfile: "Dockerfile" })).toBe(before);
    fs.rmSync(copy, { recursive: true });
  });
  it("the hash changes if a single byte, a name, an executable bit, the Dockerfile or the platform changes", () => {
    const seen = [hash(), hash({ platform: "linux/arm64" })];
    write("src/a.ts", "b");
    seen.push(hash());
    write("src/b.ts", "b");
    seen.push(hash());
    write("src/b.ts", "b", 0o755);
    seen.push(hash());
    write("Dockerfile", "FROM scratch\n");
    seen.push(hash());
    expect(new Set(seen).size).toBe(seen.length);
  });
  it("ignores what .dockerignore excludes", () => {
    const before = hash();
    write("x.log", "noise");
    write("node_modules/p/index.js", "noise");
    expect(hash()).toBe(before);
  });
  it("follows exceptions in .dockerignore", () => {
    write(".dockerignore", "**\n!src\n!src/**\n");
    expect(contextFiles(dir)).toEqual(["src/a.ts"]);
  });
  it("the hash includes a Dockerfile even if .dockerignore excludes it, because Docker reads it anyway", () => {
    write(".dockerignore", "**\n!src\n!src/**\n");
    const before = hash();
    write("Dockerfile", "FROM other");
    expect(hash()).not.toBe(before);
  });
  it("refuses a missing context or Dockerfile", () => {
    expect(() => contextHash({ context: "/nowhere", dockerfile: "Dockerfile" })).toThrow(
      "image context /nowhere does not exist",
    );
    expect(() => hash({ dockerfile: "Other" })).toThrow(/has no Other: correct images/);
  });
});
