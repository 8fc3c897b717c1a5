/** The import rules in .dependency-cruiser.cjs: the repository follows them, and each rule fails on what it forbids. */
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { PROJECT_ROOT } from "../../catalog/paths";

const CONFIG = path.join(PROJECT_ROOT, ".dependency-cruiser.cjs");
const CHECKER = path.join(PROJECT_ROOT, "node_modules", "dependency-cruiser", "bin", "dependency-cruise.mjs");

interface Violation {
  readonly from: string;
  readonly to: string;
  readonly rule: { readonly name: string };
}

interface Rules {
  readonly forbidden: readonly { readonly name: string; readonly comment: string }[];
}

/** The violations that the checker finds in a folder with the repository's rules. */
function violations(cwd: string): readonly string[] {
  const args = [CHECKER, `--config=${CONFIG}`, "--output-type=json", "."];
  const { stdout, stderr } = spawnSync(process.execPath, args, { cwd, encoding: "utf8", maxBuffer: 1 << 28 });
  if (!stdout.startsWith("{")) throw new Error(`dependency-cruiser did not run: ${stderr}`);
  const { summary } = JSON.parse(stdout) as { summary: { violations: readonly Violation[] } };
  return summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} → ${to}`);
}

/** The imports that each rule forbids. */
const FORBIDDEN: Readonly<Record<string, readonly (readonly [from: string, to: string])[]>> = {
  "catalog-imports-downwards": [["catalog/a.ts", "config/merge.ts"]],
  "config-imports-downwards": [
    ["config/a.ts", "modules/redis/x.ts"],
    ["config/b.ts", "dashboards/x.ts"],
  ],
  "dashboards-imports-downwards": [
    ["dashboards/a.ts", "modules/monitoring/x.ts"],
    ["dashboards/b.ts", "config/index.ts"],
  ],
  "modules-imports-downwards": [
    ["modules/web/a.ts", "stacks/layer.ts"],
    ["modules/web/b.ts", "scripts/terminal/ui.ts"],
  ],
  "stacks-imports-downwards": [["stacks/a.ts", "scripts/terminal/ui.ts"]],
  "scripts-imports-downwards": [
    ["scripts/commands/a.ts", "test/helpers/x.ts"],
    ["scripts/commands/b.ts", "images/node/src/config.ts"],
  ],
  "main-imports-downwards": [["main.ts", "dashboards/index.ts"]],
  "main-is-not-imported": [["scripts/cli.ts", "main.ts"]],
  "scripts-are-used-by-scripts-and-tests": [["stacks/b.ts", "scripts/terminal/ui.ts"]],
  "tests-are-used-by-tests-and-benchmarks": [["modules/web/c.ts", "test/helpers/x.ts"]],
  "benchmarks-are-not-imported": [["test/a.ts", "bench/lib.ts"]],
  "images-import-nothing-outside": [
    ["images/node/src/redis/a.ts", "catalog/names.ts"],
    ["images/react/src/keys/a.ts", "images/node/src/http/x.ts"],
    ["images/react/test/units.ts", "images/node/test/helpers/x.ts"],
  ],
  "browser-tests-use-only-the-front-and-the-api-helpers": [
    ["images/react/test/browser/a.ts", "images/node/src/http/x.ts"],
    ["images/react/test/browser/b.ts", "test/helpers/x.ts"],
  ],
  "providers-only-in-modules-and-stacks": [
    ["test/b.ts", "node_modules/cdktf/index.js"],
    ["scripts/commands/c.ts", "node_modules/@cdktf/provider-kubernetes/lib/pod-v1/index.js"],
  ],
  "config-schema-imports-downwards": [["config/schema/a.ts", "config/keys.ts"]],
  "config-has-a-level-for-each-file": [["config/new/a.ts", "catalog/names.ts"]],
  "dashboards-files-imports-downwards": [["dashboards/c.ts", "dashboards/rules/x.ts"]],
  "dashboards-has-a-level-for-each-file": [["dashboards/new/a.ts", "catalog/names.ts"]],
  "modules-terraform-imports-downwards": [["modules/terraform/a.ts", "modules/kubernetes/x.ts"]],
  "modules-kubernetes-imports-downwards": [["modules/kubernetes/a.ts", "modules/images/x.ts"]],
  "modules-images-imports-downwards": [["modules/images/a.ts", "modules/autoscaling/x.ts"]],
  "modules-autoscaling-imports-downwards": [["modules/autoscaling/a.ts", "modules/redis/x.ts"]],
  "modules-redis-imports-downwards": [["modules/redis/a.ts", "modules/web/x.ts"]],
  "modules-web-imports-downwards": [["modules/web/d.ts", "modules/monitoring/x.ts"]],
  "modules-monitoring-imports-downwards": [["modules/monitoring/a.ts", "modules/policies/x.ts"]],
  "modules-has-a-level-for-each-file": [["modules/new/a.ts", "catalog/names.ts"]],
  "scripts-bootstrap.mjs-imports-downwards": [["scripts/bootstrap.mjs", "scripts/terminal/ui.ts"]],
  "scripts-terminal-imports-downwards": [["scripts/terminal/a.ts", "scripts/cluster/x.ts"]],
  "scripts-prose-imports-downwards": [["scripts/prose/a.ts", "scripts/terminal/x.ts"]],
  "scripts-toolbox-imports-downwards": [["scripts/toolbox/a.ts", "scripts/cluster/x.ts"]],
  "scripts-cluster-imports-downwards": [["scripts/cluster/a.ts", "scripts/terraform/x.ts"]],
  "scripts-terraform-imports-downwards": [["scripts/terraform/a.ts", "scripts/deploy/x.ts"]],
  "scripts-redis-imports-downwards": [["scripts/redis/a.ts", "scripts/deploy/x.ts"]],
  "scripts-load-imports-downwards": [["scripts/load/a.ts", "scripts/drawing/x.ts"]],
  "scripts-deploy-imports-downwards": [["scripts/deploy/a.ts", "scripts/commands/x.ts"]],
  "scripts-doctor-imports-downwards": [["scripts/doctor/a.ts", "scripts/commands/x.ts"]],
  "scripts-drawing-imports-downwards": [["scripts/drawing/a.ts", "scripts/maintenance/x.ts"]],
  "scripts-commands-imports-downwards": [["scripts/commands/d.ts", "scripts/maintenance/x.ts"]],
  "scripts-maintenance-imports-downwards": [["scripts/maintenance/a.ts", "scripts/commands/x.ts"]],
  "scripts-has-a-level-for-each-file": [["scripts/new/a.ts", "catalog/names.ts"]],
  "images-node-src-files-imports-downwards": [["images/node/src/log.ts", "images/node/src/http/x.ts"]],
  "images-node-src-discovery-imports-downwards": [["images/node/src/discovery/a.ts", "images/node/src/redis/store.ts"]],
  "images-node-src-redis-imports-downwards": [["images/node/src/redis/reads/a.ts", "images/node/src/metrics/x.ts"]],
  "images-node-src-metrics-imports-downwards": [["images/node/src/metrics/a.ts", "images/node/src/http/x.ts"]],
  "images-node-src-http-imports-downwards": [["images/node/src/http/a.ts", "images/node/src/main.ts"]],
  "images-node-src-has-a-level-for-each-file": [["images/node/src/new/a.ts", "images/node/src/log.ts"]],
  "images-node-src-redis-connection-imports-downwards": [
    ["images/node/src/redis/connection/a.ts", "images/node/src/redis/reads/x.ts"],
  ],
  "images-node-src-redis-reads-imports-downwards": [
    ["images/node/src/redis/reads/b.ts", "images/node/src/redis/writes/x.ts"],
  ],
  "images-node-src-redis-writes-imports-downwards": [
    ["images/node/src/redis/writes/a.ts", "images/node/src/redis/store.ts"],
  ],
  "images-node-src-redis-has-a-level-for-each-file": [["images/node/src/redis/new/a.ts", "images/node/src/log.ts"]],
  "images-scaler-src-files-imports-downwards": [["images/scaler/src/log.ts", "images/scaler/src/gauges/x.ts"]],
  "images-scaler-src-decision-imports-downwards": [
    ["images/scaler/src/decision/a.ts", "images/scaler/src/gauges/x.ts"],
  ],
  "images-scaler-src-gauges-imports-downwards": [
    ["images/scaler/src/gauges/a.ts", "images/scaler/src/kubernetes/x.ts"],
  ],
  "images-scaler-src-kubernetes-imports-downwards": [
    ["images/scaler/src/kubernetes/a.ts", "images/scaler/src/scaling/x.ts"],
  ],
  "images-scaler-src-scaling-imports-downwards": [["images/scaler/src/scaling/a.ts", "images/scaler/src/http/x.ts"]],
  "images-scaler-src-http-imports-downwards": [["images/scaler/src/http/a.ts", "images/scaler/src/main.ts"]],
  "images-scaler-src-has-a-level-for-each-file": [["images/scaler/src/new/a.ts", "images/scaler/src/log.ts"]],
  "images-react-src-text-imports-downwards": [["images/react/src/text/a.ts", "images/react/src/icon.tsx"]],
  "images-react-src-files-imports-downwards": [["images/react/src/api.ts", "images/react/src/keys/x.ts"]],
  "images-react-src-check-imports-downwards": [["images/react/src/check/a.ts", "images/react/src/keys/x.ts"]],
  "images-react-src-keys-imports-downwards": [["images/react/src/keys/b.ts", "images/react/src/live/x.ts"]],
  "images-react-src-live-imports-downwards": [["images/react/src/live/a.ts", "images/react/src/app.tsx"]],
  "images-react-src-app.tsx-imports-downwards": [["images/react/src/app.tsx", "images/react/src/main.tsx"]],
  "images-react-src-has-a-level-for-each-file": [["images/react/src/new/a.ts", "images/react/src/text/x.ts"]],
};

const FILE_CIRCLE = [
  ["catalog/one.ts", "catalog/two.ts"],
  ["catalog/two.ts", "catalog/one.ts"],
] as const;

/** Folders that import each other without a cycle between files. */
const FOLDER_CIRCLE = [
  ["images/node/src/discovery/b.ts", "images/node/src/metrics/y.ts"],
  ["images/node/src/metrics/b.ts", "images/node/src/discovery/y.ts"],
] as const;

it("the repository follows all import rules", () => {
  expect(violations(PROJECT_ROOT)).toEqual([]);
}, 120_000);

describe("each rule", () => {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- a configuration file is CommonJS
  const { forbidden } = require("../../.dependency-cruiser.cjs") as Rules;
  const imports = [...Object.values(FORBIDDEN).flat(), ...FILE_CIRCLE, ...FOLDER_CIRCLE];
  let found: readonly string[];

  beforeAll(() => {
    const dir = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "import-rules-")));
    const lines = new Map<string, string[]>();
    for (const [from, to] of imports) {
      if (!lines.has(to)) lines.set(to, []);
      const name = /^node_modules\/(.*)\/index\.js$/.exec(to)?.[1] ?? path.posix.relative(path.dirname(from), to);
      const specifier = to.startsWith("node_modules/") || name.startsWith(".") ? name : `./${name}`;
      lines.set(from, [...(lines.get(from) ?? []), `import type { X } from "${specifier.replace(/\.tsx?$/, "")}";`]);
    }
    for (const [file, text] of lines) {
      fs.mkdirSync(path.dirname(path.join(dir, file)), { recursive: true });
      fs.writeFileSync(path.join(dir, file), `${text.join("\n")}\nexport interface X {}\n`);
    }
    found = violations(dir);
  }, 120_000);

  it.each(Object.entries(FORBIDDEN))("%s fails on what it forbids, including imports of types", (rule, broken) => {
    for (const [from, to] of broken) expect(found).toContain(`${rule}: ${from} → ${to}`);
  });
  // a cycle is reported once, and may start from either file
  it("no-circular-imports-between-files fails on a cycle of type imports", () => {
    expect(found).toContainEqual(
      expect.stringMatching(/^no-circular-imports-between-files: catalog\/(one|two)\.ts → catalog/),
    );
  });
  it("no-circular-imports-between-folders fails even though no two files form a cycle", () => {
    expect(found).toContainEqual(
      expect.stringMatching(/^no-circular-imports-between-folders: images\/node\/src\/(discovery|metrics) → images/),
    );
    expect(found.filter((line) => line.startsWith("no-circular-imports-between-files"))).toHaveLength(1);
  });
  it("has an example here and a reason", () => {
    expect(forbidden.map((rule) => rule.name).sort()).toEqual(
      [...Object.keys(FORBIDDEN), "no-circular-imports-between-files", "no-circular-imports-between-folders"].sort(),
    );
    for (const { comment } of forbidden) expect(comment).toMatch(/\w{2,}.*\.$/);
  });
});
