/** Tier `plain-cdktf`: deploys the same system with cdktf's own commands only. */
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { removeAfterFailure, step } from "./helpers/steps";
import { app, command, eventually, expectNoDeployment, inventory, kube, npmRun, projectPath } from "./helpers/system";

const LAYERS = ["images", "data", "app", "observability"];
const cdktf = (
  verb: string,
  names: readonly string[],
  flags: readonly string[] = [],
  env: Record<string, string> = {},
) => command("npx", ["cdktf", verb, ...names, "--skip-provider-lock", ...flags], { env });
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-e2e-"));

let before: string[];
removeAfterFailure();

afterAll(() => fs.rmSync(scratch, { recursive: true }));

step("the project is not deployed on the cluster yet", async () => {
  await expectNoDeployment();
  before = await inventory();
});

step("`cdktf deploy images data app observability` succeeds, and the system works", async () => {
  const { code, seconds } = await cdktf("deploy", LAYERS, ["--auto-approve"]);
  expect(code).toBe(0);
  console.log(`cdktf deploy took ${seconds.toFixed(0)} s`);
  await eventually("the smoke test to pass", 180, async () => ((await npmRun("smoke")).code === 0 ? true : undefined));
});

for (const layer of LAYERS)
  step(`cdktf diff ${layer} is empty`, async () => {
    const { code, output } = await cdktf("diff", [layer]);
    expect(code).toBe(0);
    expect(output).toMatch(/No changes|matches the configuration/);
  });

step("after `npm run eject`, plain Terraform reads the same state and plans no changes", async () => {
  const out = path.join(scratch, "ejected");
  expect((await npmRun("eject", "--out", out)).code).toBe(0);
  for (const layer of LAYERS) {
    const cwd = path.join(out, "terraform", "layers", layer);
    expect(fs.readFileSync(path.join(cwd, "main.tf.json"), "utf8")).not.toContain('"//"');
    expect((await command("terraform", ["init", "-input=false", "-no-color"], { cwd })).code).toBe(0);
    // exit code 2 would mean changes
    const plan = await command("terraform", ["plan", "-input=false", "-no-color", "-detailed-exitcode"], { cwd });
    expect({ layer, code: plan.code }).toEqual({ layer, code: 0 });
  }
  expect((await npmRun("eject", "--out", out)).output).toContain("is not empty; nothing was written");
});

step("one changed byte causes one rollout, and a second deployment causes none", async () => {
  const context = path.join(scratch, "node");
  fs.cpSync(projectPath("images", "node"), context, { recursive: true, filter: (f) => !/node_modules|dist/.test(f) });
  fs.appendFileSync(path.join(context, "src", "main.ts"), `// ${Date.now()}\n`);
  const revision = async () =>
    (await kube.get("deploy", "node", app))!.metadata.annotations!["deployment.kubernetes.io/revision"];
  const react = async () =>
    (await kube.get("deploy", "react", app))!.metadata.annotations!["deployment.kubernetes.io/revision"];
  expect([await revision(), await react()]).toEqual(["1", "1"]);
  for (let i = 0; i < 2; i++) {
    expect((await cdktf("deploy", LAYERS, ["--auto-approve"], { IAC_IMAGES_NODE_CONTEXT: context })).code).toBe(0);
    expect([await revision(), await react()]).toEqual(["2", "1"]);
  }
});

step("`cdktf destroy` removes the system; `down` lists what Helm leaves behind", async () => {
  expect((await cdktf("destroy", LAYERS, ["--auto-approve"])).code).toBe(0);
  const { code, output } = await npmRun("down", "--yes");
  expect(code).toBe(0);
  const hint = /kubectl delete (crd .*)/.exec(output);
  expect(hint).not.toBeNull();
  await kube.raw(["delete", ...hint![1]!.trim().split(" ")], { timeoutMs: 120_000 });
  await eventually("the cluster to be as before", 60, async () => {
    const now = await inventory();
    const extra = now.filter((o) => !before.includes(o));
    if (extra.length) throw new Error(`left: ${extra.join(", ")}`);
    return true;
  });
});
