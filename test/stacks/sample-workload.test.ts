/**
 * CONTRIBUTING.md, "Add a workload": its steps, done in a copy of the repository, make a workload that the quota, the
 * monitors, the policies, the dashboards and `npm run status` know, and that passes types, lint and the guards.
 */
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { PROJECT_ROOT } from "../../catalog/paths";

/** Several programs over the whole repository. */
const LIMIT_MS = 10 * 60_000;
const copy = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-sample-"));
afterAll(() => fs.rmSync(copy, { recursive: true }));

const DESCRIPTOR = `  echo: {
    name: "echo",
    title: "Echo",
    layer: "app",
    kind: "Deployment",
    port: { name: "http", number: 8081 },
    containers: [{ name: "echo", resources: { cpu: "10m", memory: "16Mi", memoryLimit: "32Mi" } }],
    scaling: { container: "echo", bounds: { min: 2, max: 4, cpuTarget: 60 } },
    surge: "25%",
    metrics: { path: "/metrics" },
  },
`;
const FLOW = `    tcp("react", "echo", 8081, "/echo"),
`;
const MODULE = `import { Construct } from "constructs";
import type { Config } from "../../config";
import { WebWorkload } from "./web-workload";

export interface EchoProps {
  /** Namespace of the application. */
  readonly namespace: string;
  /** The whole configuration. */
  readonly config: Config;
}

/** A sample: answers with what it was sent. */
export class Echo extends Construct {
  constructor(scope: Construct, id: string, props: EchoProps) {
    super(scope, id);
    new WebWorkload(this, "web", {
      component: "echo",
      ...props,
      image: "registry.example/echo:1.0.0",
      settings: {
        ...props.config.images.node,
        port: 8081,
        livenessPath: "/healthz",
        readinessPath: "/healthz",
        metricsPath: "/metrics",
      },
      signals: [],
      env: [],
    });
  }
}
`;
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
  const kube = { config: testConfig(), list: () => Promise.resolve([deployment]) } as unknown as Kube;
  expect(await statusTable(kube)).toMatch(/echo +\\d\\/2/);
});
`;

/** Puts `text` before the first line that contains `anchor`. */
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
/** Shows the output where it failed. */
const expectPass = ({ status, output }: { status: number | null; output: string }) =>
  expect(status === 0 ? "passed" : output).toBe("passed");

beforeAll(() => {
  const files = spawnSync("git", ["ls-files", "-co", "--exclude-standard", "-z"], { cwd: PROJECT_ROOT }).stdout;
  for (const file of files.toString().split("\0").filter(Boolean)) {
    if (!fs.existsSync(path.join(PROJECT_ROOT, file))) continue;
    fs.mkdirSync(path.dirname(path.join(copy, file)), { recursive: true });
    fs.copyFileSync(path.join(PROJECT_ROOT, file), path.join(copy, file));
  }
  for (const folder of ["node_modules", "images/node/node_modules", "images/react/node_modules"]) {
    const installed = path.join(PROJECT_ROOT, folder);
    if (fs.existsSync(installed)) fs.symlinkSync(installed, path.join(copy, folder));
  }
  insert("catalog/workloads.ts", "} as const satisfies Readonly<Record<string, WorkloadDescriptor>>", DESCRIPTOR);
  insert("modules/policies/flows.ts", 'tcp("node", "redis-main", REDIS_PORT, "writes")', FLOW);
  fs.writeFileSync(path.join(copy, "modules/web/echo.ts"), MODULE);
  insert(
    "stacks/app.ts",
    'import { Front } from "../modules/web/front"',
    'import { Echo } from "../modules/web/echo";\n',
  );
  insert("stacks/app.ts", "    this.write({", '    new Echo(this, "echo", { namespace, config });\n');
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
  "the guards and a synth pass, with monitor, policy, quota, dashboards and status knowing it",
  () => {
    expectPass(
      run(bin("jest/bin/jest.js"), "--globalSetup=", "--globalTeardown=", "test/sample", "test/stacks/guards"),
    );
  },
  LIMIT_MS,
);
