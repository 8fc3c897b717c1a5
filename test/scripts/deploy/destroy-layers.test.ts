/** `down` deletes nothing until the removal of every layer in the cluster is planned. */
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { Kube } from "../../../scripts/cluster/kubectl";
import { destroyLayers } from "../../../scripts/deploy/layers";
import { Terraform } from "../../../scripts/terraform/terraform";
import { LAYERS, type LayerName } from "../../../stacks/outputs";
import { testConfig } from "../../helpers/layers";

const dir = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-destroy-"));
afterAll(() => fs.rmSync(dir, { recursive: true }));
const removed = { add: 0, change: 0, remove: 3, isEmpty: false, lines: [] };
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Destroys layers whose `steps`, such as `plan data`, fail or take 20 ms; returns what was done, and the error. */
async function destroy({ fails = "", slow = "", empty = [] as LayerName[] } = {}) {
  const done: string[] = [];
  const act = async (step: string) => {
    if (step === slow) await pause(20);
    if (step === fails) throw new Error(`${step} failed`);
    done.push(step);
  };
  jest.spyOn(Terraform.prototype, "init").mockResolvedValue();
  jest.spyOn(Terraform.prototype, "resources").mockImplementation(function (this: Terraform) {
    return Promise.resolve(empty.includes(this.layer) ? [] : ["kubernetes_manifest.one"]);
  });
  jest.spyOn(Terraform.prototype, "plan").mockImplementation(async function (this: Terraform, options) {
    expect(options).toMatchObject({ destroy: true });
    await act(`plan ${this.layer}`);
    return removed;
  });
  jest.spyOn(Terraform.prototype, "apply").mockImplementation(async function (this: Terraform) {
    await act(`remove ${this.layer}`);
    return removed;
  });
  const kube = new Kube(testConfig({ state: { dir } }), () => Promise.reject(new Error("no command is needed")));
  const error = await destroyLayers(kube, () => act("stop pods")).then(
    () => undefined,
    (reason: unknown) => (reason as Error).message,
  );
  return { done, error };
}
const isDeletion = (step: string) => step.startsWith("remove") || step === "stop pods";
afterEach(() => jest.restoreAllMocks());

describe("destroying all layers", () => {
  it("plans every layer in the cluster before the pods are stopped", async () => {
    const { done, error } = await destroy();
    expect(error).toBeUndefined();
    expect(done.slice(0, done.indexOf("stop pods")).sort()).toEqual(["plan app", "plan data", "plan observability"]);
  });
  it("removes a layer after all layers that read it", async () => {
    const { done } = await destroy({ slow: "remove observability" });
    const at = (layer: LayerName) => done.indexOf(`remove ${layer}`);
    expect(done.filter((step) => step.startsWith("remove"))).toHaveLength(LAYERS.length);
    expect(at("data")).toBeGreaterThan(Math.max(at("app"), at("observability")));
    expect(at("images")).toBeGreaterThan(at("app"));
  });
  it.each(["plan data", "plan app", "plan observability"])("deletes nothing if %s fails", async (fails) => {
    const { done, error } = await destroy({ fails });
    expect([error, done.filter(isDeletion)]).toEqual([`${fails} failed`, []]);
  });
  it("reports a failed plan only when no other plan is still running", async () => {
    const { done } = await destroy({ fails: "plan data", slow: "plan app" });
    expect(done).toContain("plan app");
  });
  it("deletes nothing more if the pods cannot be stopped", async () => {
    const { done, error } = await destroy({ fails: "stop pods" });
    expect([error, done.filter(isDeletion)]).toEqual(["stop pods failed", []]);
  });
  it("keeps layer data if layer app could not be removed", async () => {
    const { done, error } = await destroy({ fails: "remove app" });
    expect([error, done.includes("remove data")]).toEqual(["remove app failed", false]);
  });
  it("plans layer images, whose plan needs Docker, after everything in the cluster that reads it is removed", async () => {
    const { done } = await destroy({ fails: "plan images" });
    expect(done.filter((step) => step.startsWith("remove")).sort()).toEqual([
      "remove app",
      "remove data",
      "remove observability",
    ]);
  });
  it("skips layers that contain nothing", async () => {
    const { done } = await destroy({ empty: ["app", "observability"] });
    expect(done).toEqual(["plan data", "stop pods", "remove data", "plan images", "remove images"]);
  });
});
