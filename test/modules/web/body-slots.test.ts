import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { PROJECT_ROOT } from "../../../catalog/paths";
import { maxPods } from "../../../modules/kubernetes/sizing";
import { bodiesPerApiPod, bodySlots } from "../../../modules/web/body-slots";
import { testConfig } from "../../helpers/layers";

const script = fs.readFileSync(path.join(PROJECT_ROOT, "images", "react", "nginx", "40-render.sh"), "utf8");
/** The part of the front's start script that computes its limits. */
const limits = /^FILES=[^]*?^export /m.exec(script)![0].replace(/^export $/m, "");

describe("the bodies that a front pod passes on", () => {
  it.each(["32Mi", "64Mi", "96Mi", "1Gi"])("are as many as the front's start script allows with %s", (memoryLimit) => {
    const config = testConfig({ react: { resources: { memory: "32Mi", memoryLimit } } });
    const bytes = Math.floor(Number(memoryLimit.slice(0, -2)) * (memoryLimit.endsWith("Gi") ? 2 ** 30 : 2 ** 20));
    const shell = `${limits}\necho $((REQUESTS * 3 / 4))`;
    const printed = execFileSync("bash", ["-c", shell], {
      env: { PATH: process.env["PATH"], MEMORY_LIMIT: String(bytes) },
      encoding: "utf8",
    });
    expect(bodySlots(config)).toBe(Number(printed));
  });

  it.each([2, 10, 50, 100])("are more than %i API pods let arrive together", (max) => {
    const config = testConfig({ scaling: { node: { max } } });
    expect(bodiesPerApiPod(config) * maxPods(config, "node")).toBeLessThan(bodySlots(config));
  });
});
