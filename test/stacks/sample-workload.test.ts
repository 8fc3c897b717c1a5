/**
 * Follows the steps in CONTRIBUTING.md, "Add a workload", in a copy of the repository: the new workload is included in
 * the quota, the monitors, the policies, the dashboards and `npm run status`, and passes type checks, lint and the
 * guards.
 */
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { PROJECT_ROOT } from "../../catalog/paths";

/** Time for several programs to process the whole repository. */
const LIMIT_MS = 10 * 60_000;
const copy = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-sample-"));
afterAll(() => fs.rmSync(copy, { recursive: true }));

/** The code in the steps, as CONTRIBUTING.md shows it. */
const [descriptor, flow, construct, inStack] = [
  .../^## Add a workload$([^]*?)^## /m
    .exec(fs.readFileSync(path.join(PROJECT_ROOT, "CONTRIBUTING.md"), "utf8"))![1]!
    .matchAll(/^ {3}```ts\n([^]*?)^ {3}```$/gm),
].map(([, code]) => code!.replace(/^ {3}/gm, "")) as [string, string, string, string];
const indented = (code: string, by: number): string => code.replace(/^(?=.)/gm, " ".repeat(by));

const TEST = `import { serviceMonitors } from "../modules/monitoring/service-monitors";
import { statusTable } from "../scripts/commands/status";
import type { Kube } from "../scripts/cluster/kubectl";
import { quota } from "../modules/policies/namespace-quota";
import { AUTOSCALERS } from "../dashboards/selectors";
import { resources, synthesize, testConfig, workload } from "./helpers/layers";

const layers = synthesize({ namespaces: { quota: true } });
const named = (type: string) => resources(layers, type).map((r) => r.body["metadata"].name as string);

it("is deployed with a Service, an autoscaler and a disruption budget", () => {
  expect(workload(layers, "echo")["kind"]).toBe("Deployment");
  expect(named("kubernetes_service_v1")).toContain("echo");
  expect(named("kubernetes_horizontal_pod_autoscaler_v2")).toContain("echo");
  expect(named("kubernetes_pod_disruption_budget_v1")).toContain("echo");
});
it("is monitored, and on the dashboards", () => {
  const monitors = serviceMonitors({ namespace: "n", exporterHost: "e" }, testConfig());
  expect(monitors.find((m) => m.name === "iacproject-echo")?.endpoints).toEqual([
    expect.objectContaining({ port: "http", path: "/metrics" }),
  ]);
  expect(AUTOSCALERS.map((a) => a.name)).toContain("echo");
});
it("has a policy that lets in the front and Prometheus only", () => {
  const policy = resources(layers, "kubernetes_network_policy_v1").find((r) => r.body["metadata"].name === "echo")!;
  expect(policy.body["spec"].ingress).toHaveLength(2);
});
it("has room in the quota: four pods and one of a rollout", () => {
  expect(quota(testConfig())).toMatchObject({ pods: "39", "requests.cpu": "2410m" });
});
it("is a row of npm run status", async () => {
  const deployment = {
    kind: "Deployment",
    metadata: { name: "echo" },
    spec: { replicas: 2, template: { spec: { containers: [{ image: "registry.example/echo:1.0.0" }] } } },
    status: { readyReplicas: 2 },
  };
  const kube = { config: testConfig(), list: () => Promise.resolve([deployment]), visible: () => Promise.resolve([]) };
  expect(await statusTable(kube as unknown as Kube)).toMatch(/echo +\\d\\/2/);
});
`;

/** Inserts `text` before the first line that contains `anchor`. */
function insert(file: string, anchor: string, text: string): void {
  const at = path.join(copy, file);
  const content = fs.readFileSync(at, "utf8");
  const found = content.indexOf(anchor);
  if (found < 0) throw new Error(`${file} has no line with ${anchor}`);
  const line = content.lastIndexOf("\n", found) + 1;
  fs.writeFileSync(at, content.slice(0, line) + text + content.slice(line));
}

function run(...args: string[]): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: copy,
    encoding: "utf8",
    maxBuffer: 64 << 20,
    timeout: LIMIT_MS / 2,
  });
  return { status, output: stdout + stderr };
}
const bin = (file: string) => path.join(copy, "node_modules", file);
/** Shows the output if the program failed. */
const expectPass = ({ status, output }: { status: number | null; output: string }) =>
  expect(status === 0 ? "passed" : output).toBe("passed");

beforeAll(() => {
  const files = spawnSync("git", ["ls-files", "-co", "--exclude-standard", "-z"], { cwd: PROJECT_ROOT }).stdout;
  for (const file of files.toString().split("\0").filter(Boolean)) {
    if (!fs.existsSync(path.join(PROJECT_ROOT, file))) continue;
    fs.mkdirSync(path.dirname(path.join(copy, file)), { recursive: true });
    fs.copyFileSync(path.join(PROJECT_ROOT, file), path.join(copy, file));
  }
  for (const folder of ["", "images/node", "images/react", "scripts/drawing", "scripts/prose"]) {
    const installed = path.join(PROJECT_ROOT, folder, "node_modules");
    if (fs.existsSync(installed)) fs.symlinkSync(installed, path.join(copy, folder, "node_modules"));
  }
  insert(
    "catalog/workloads.ts",
    "} as const satisfies Readonly<Record<string, WorkloadDescriptor>>",
    indented(descriptor, 2),
  );
  insert("modules/policies/flows.ts", 'tcp("node", "redis-main", REDIS_PORT, "writes")', indented(flow, 4));
  fs.writeFileSync(path.join(copy, "modules/web/echo.ts"), construct);
  insert(
    "stacks/app.ts",
    'import { Front } from "../modules/web/front"',
    'import { Echo } from "../modules/web/echo";\n',
  );
  insert("stacks/app.ts", "    this.write({", indented(inStack, 4));
  fs.writeFileSync(path.join(copy, "test/sample.test.ts"), TEST);
}, LIMIT_MS);

it(
  "four changed files pass types and lint",
  () => {
    expectPass(run(bin("typescript/bin/tsc"), "-p", "."));
    const changed = ["catalog/workloads.ts", "modules/policies/flows.ts", "modules/web/echo.ts", "stacks/app.ts"];
    expectPass(run(bin("eslint/bin/eslint.js"), "--max-warnings=0", ...changed));
    expectPass(run(bin("prettier/bin/prettier.cjs"), "--check", ...changed));
  },
  LIMIT_MS,
);

it(
  "the guards and a synth pass, and monitors, policies, quota, dashboards and status include the workload",
  () => {
    expectPass(
      run(bin("jest/bin/jest.js"), "--globalSetup=", "--globalTeardown=", "test/sample", "test/stacks/guards"),
    );
  },
  LIMIT_MS,
);
