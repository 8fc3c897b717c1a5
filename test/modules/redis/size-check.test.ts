/** Plain cdktf's warning about sizes that cannot hold maxMemory: real Terraform evaluates the check. */
import { execFileSync, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { synthesize, type Json } from "../../helpers/layers";

const dir = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-check-"));
afterAll(() => fs.rmSync(dir, { recursive: true }));
const terraform = (...args: string[]) =>
  execFileSync("terraform", args, { cwd: dir, stdio: ["ignore", "pipe", "ignore"] }).toString();
const hasTerraform = spawnSync("terraform", ["version"]).status === 0;
if (!hasTerraform) console.warn("SKIPPED: no plan with the check, because terraform is not installed");

describe("sizes that cannot hold maxMemory", () => {
  const data = synthesize({ networkPolicies: false, redis: { maxMemory: "1gb" } }).data;
  (hasTerraform ? it : it.skip)("cause a warning in every plan, which names the remedy and does not fail", () => {
    const part: Json = { locals: data["locals"], check: data["check"] };
    fs.writeFileSync(path.join(dir, "cdk.tf.json"), JSON.stringify(part));
    terraform("init");
    const messages = terraform("plan", "-json")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Json);
    const found = messages.flatMap((m) => (m["diagnostic"] ? [m["diagnostic"] as Json] : []));
    expect(found.filter((d) => d["severity"] === "error")).toEqual([]);
    const texts = found.map((d) => d["detail"] as string);
    expect(texts).toContainEqual(
      expect.stringMatching(/^redis\.storage: .*at least 3Gi but has 1Gi.*at most 341mb\.$/),
    );
    expect(texts).toContainEqual(expect.stringMatching(/^redis\.main\.memoryLimit: must be at least 2Gi/));
  });
  it("do not change the layer if they fit", () => {
    expect(synthesize().data).not.toHaveProperty("check");
    expect(data).toHaveProperty("check");
  });
});
