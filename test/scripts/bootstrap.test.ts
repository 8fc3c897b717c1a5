import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { PROJECT_ROOT } from "../../catalog/paths";

it("commands also find downloaded tools, but prefer the system's own", () => {
  const bin = path.join(PROJECT_ROOT, ".tools", "bin");
  const name = `only-here-${process.pid}`;
  fs.mkdirSync(bin, { recursive: true });
  fs.writeFileSync(path.join(bin, name), "#!/bin/sh\necho it runs\n", { mode: 0o755 });
  try {
    const script = `import { runScript } from ${JSON.stringify(path.join(PROJECT_ROOT, "scripts", "bootstrap.mjs"))};
      process.exit(await runScript(${JSON.stringify(`.tools/bin/${name}.ts`)}, []));`;
    fs.writeFileSync(
      path.join(bin, `${name}.ts`),
      `import { execFileSync } from "node:child_process"; process.stdout.write(execFileSync("${name}"));`,
    );
    const { stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
    expect(stdout).toContain("it runs");
  } finally {
    for (const file of [name, `${name}.ts`]) fs.rmSync(path.join(bin, file), { force: true });
  }
});

it("dependencies are installed completely, even if NODE_ENV is production", () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-test-"));
  try {
    // the project's dependency is the folder next to it, so npm needs no registry
    fs.mkdirSync(path.join(folder, "tool"));
    fs.writeFileSync(path.join(folder, "tool", "package.json"), '{"name":"tool","version":"1.0.0"}');
    fs.writeFileSync(
      path.join(folder, "package.json"),
      '{"name":"page","version":"1.0.0","devDependencies":{"tool":"file:./tool"}}',
    );
    const env = { ...process.env, NODE_ENV: "production" };
    spawnSync("npm", ["install", "--package-lock-only", "--offline", "--include=dev"], { cwd: folder, env });
    const script = `import { install } from ${JSON.stringify(path.join(PROJECT_ROOT, "scripts", "bootstrap.mjs"))};
      install(${JSON.stringify(folder)});`;
    spawnSync(process.execPath, ["--input-type=module", "-e", script], { env });
    expect(fs.readdirSync(path.join(folder, "node_modules"))).toContain("tool");
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
});
