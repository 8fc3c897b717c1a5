/** Moves a state, with the real Terraform and two folders as backends. */
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import type { Run } from "../../../scripts/terminal/run-program";
import { moveState, StateStore } from "../../../scripts/terraform/state-store";

const hasTerraform = spawnSync("terraform", ["version"]).status === 0;
if (!hasTerraform) console.warn("SKIPPED: moving states: terraform is not installed");
const suite = hasTerraform ? describe : describe.skip;

// the project's runner needs an ES module, which jest cannot load
const run: Run = (program, args, { cwd }) => {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd, encoding: "utf8" });
  if (status !== 0) return Promise.reject(new Error(stderr));
  return Promise.resolve({ code: 0, stdout, stderr });
};

suite("a state", () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-state-"));
  afterAll(() => fs.rmSync(dir, { recursive: true }));
  let count = 0;
  const store = (state?: object) => {
    const folder = path.join(dir, String(count++));
    fs.mkdirSync(folder);
    const file = path.join(folder, "kept", "a.tfstate");
    fs.mkdirSync(path.dirname(file));
    const backend = { terraform: { backend: { local: { path: file } } } };
    fs.writeFileSync(path.join(folder, "main.tf.json"), JSON.stringify(backend));
    if (state) fs.writeFileSync(file, JSON.stringify(state));
    return new StateStore("terraform", folder, run);
  };
  const resource = {
    mode: "managed",
    type: "terraform_data",
    name: "a",
    provider: 'provider["terraform.io/builtin/terraform"]',
    instances: [{ schema_version: 0, attributes: { id: "x" } }],
  };
  const held = (lineage: string, serial = 7) => ({
    version: 4,
    terraform_version: "1.11.0",
    serial,
    lineage,
    outputs: {},
    resources: [resource],
  });

  it("a state is copied unchanged and kept at its source", async () => {
    const [from, to] = [store(held("one")), store()];
    expect(await moveState("data", from, to)).toBe("moved");
    expect(await to.read()).toMatchObject({ lineage: "one", serial: 7, resources: [{ name: "a" }] });
    expect(await from.read()).toMatchObject({ lineage: "one", serial: 7 });
  });
  it("a state is not changed if it is already at the target, so that an interrupted move can resume", async () => {
    const [from, to] = [store(held("one")), store(held("one", 9))];
    expect(await moveState("data", from, to)).toBe("already there");
    expect(await to.read()).toMatchObject({ serial: 9 });
  });
  it("replaces an older version of itself", async () => {
    const [from, to] = [store(held("one", 9)), store(held("one", 7))];
    expect(await moveState("data", from, to)).toBe("moved");
    expect(await to.read()).toMatchObject({ serial: 9 });
  });
  it("does not replace a different state", async () => {
    const [from, to] = [store(held("one")), store(held("two"))];
    await expect(moveState("data", from, to)).rejects.toThrow(
      "Layer data: the new backend already holds another state, with 1 resources",
    );
    expect(await to.read()).toMatchObject({ lineage: "two" });
  });
  it("a layer that was never deployed has no state to move", async () => {
    expect(await moveState("data", store(), store())).toBe("nothing to move");
  });
});
