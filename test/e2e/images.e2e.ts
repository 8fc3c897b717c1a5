/** Tier `images`: when images are built and when they are not. Needs Docker and the registry, but no cluster. */
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { tagState } from "../../modules/images/registry";
import { command, config, projectPath, type Outcome } from "./helpers/system";

const DIR = projectPath("cdktf.out", "stacks", "images");
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-e2e-"));
const context = path.join(scratch, "node");
const machine = (name: string) => ({
  IAC_STATE_DIR: path.join(scratch, name),
  IAC_IMAGES_NODE_CONTEXT: context,
});

/** Synthesizes layer `images` and runs Terraform in it, as a separate machine would. */
async function terraform(env: Record<string, string>, ...args: string[]): Promise<Outcome> {
  const synth = await command("npx", ["tsx", "main.ts"], { env });
  if (synth.code !== 0) return synth;
  fs.rmSync(path.join(DIR, ".terraform.lock.hcl"), { force: true });
  const init = await command("terraform", ["init", "-input=false", "-no-color", "-reconfigure"], { cwd: DIR, env });
  if (init.code !== 0) return init;
  return command("terraform", [args[0]!, "-input=false", "-no-color", ...args.slice(1)], { cwd: DIR, env });
}
const deploy = async (env: Record<string, string>): Promise<string> => {
  expect((await terraform(env, "apply", "-auto-approve")).code).toBe(0);
  return (await command("terraform", ["output", "-raw", "node_image"], { cwd: DIR, env })).output;
};
const inState = async (env: Record<string, string>) =>
  (await command("terraform", ["state", "list"], { cwd: DIR, env })).output;

let first: string;
let second: string;

beforeAll(() => {
  fs.cpSync(projectPath("images", "node"), context, { recursive: true, filter: (f) => !/node_modules|dist/.test(f) });
  // a unique tag: the registry may hold the project's current tag from earlier runs
  fs.appendFileSync(path.join(context, "src", "main.ts"), `// ${Date.now()}\n`);
});
afterAll(() => fs.rmSync(scratch, { recursive: true }));

it("new sources are built and pushed, and deployed by digest", async () => {
  first = await deploy(machine("one"));
  expect(first).toMatch(/^localhost:5000\/iacproject-node@sha256:[0-9a-f]{64}$/);
  expect(await inState(machine("one"))).toContain("docker_image.node");
});

it("unchanged sources give an empty plan", async () => {
  expect((await terraform(machine("one"), "plan", "-detailed-exitcode")).code).toBe(0);
});

it("the same sources from another machine: no build, no push, the same digest", async () => {
  expect(await deploy(machine("two"))).toBe(first);
  expect(await inState(machine("two"))).not.toContain("docker_image");
});

it("after Docker was pruned: the same digest", async () => {
  const images = await command("docker", [
    "images",
    "--format",
    "{{.Repository}}:{{.Tag}}",
    "--filter",
    "reference=localhost:5000/iacproject-node",
  ]);
  for (const image of images.output.trim().split("\n")) await command("docker", ["rmi", "--force", image]);
  expect(await deploy(machine("one"))).toBe(first);
});

it("one changed byte produces a new tag, and the old one stays in the registry", async () => {
  const file = path.join(context, "src", "main.ts");
  fs.writeFileSync(file, fs.readFileSync(file, "utf8").replace("Starts the API", "starts the API"));
  const plan = await terraform(machine("one"), "plan");
  expect(plan.output).toMatch(/Plan: 3 to add, 0 to change, 3 to destroy/);
  second = await deploy(machine("one"));
  expect(second).not.toBe(first);
  const digest = first.split("@")[1]!;
  expect(await tagState(config.registry, "iacproject-node", digest)).toEqual({ state: "held", digest });
});

it("an unreachable registry stops the plan with a clear error, and is not mistaken for a missing image", async () => {
  const { code, output } = await terraform({ ...machine("one"), IAC_REGISTRY_PUSH: "localhost:5999" }, "plan");
  expect(code).toBe(1);
  expect(output.replace(/\s+/g, " ")).toMatch(/image registry could not be queried \(localhost:5999: ECONNREFUSED\)/);
});

it("prebuilt images need no Docker at all", async () => {
  const env = {
    ...machine("three"),
    IAC_IMAGES_NODE_IMAGE: first,
    IAC_IMAGES_REACT_IMAGE: first,
    DOCKER_HOST: "unix:///nowhere.sock",
  };
  expect(await deploy(env)).toBe(first);
});

it("a tag that is already in the registry does not need Docker either", async () => {
  const env = { ...machine("four"), DOCKER_HOST: "unix:///nowhere.sock" };
  expect(await deploy(env)).toBe(second);
});

it("a destroy does not change the registry, and works while it is unreachable", async () => {
  expect((await terraform(machine("two"), "destroy", "-auto-approve")).code).toBe(0);
  expect(
    (await terraform({ ...machine("four"), IAC_REGISTRY_PUSH: "localhost:5999" }, "destroy", "-auto-approve")).code,
  ).toBe(0);
  expect((await terraform(machine("one"), "destroy", "-auto-approve")).code).toBe(0);
  const digest = second.split("@")[1]!;
  expect(await tagState(config.registry, "iacproject-node", digest)).toEqual({ state: "held", digest });
});
