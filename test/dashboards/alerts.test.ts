/** Each alert fires when it should, and only then: Prometheus' own promtool evaluates the rules. */
import { execFileSync, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { stringify } from "yaml";
import { PROJECT_ROOT } from "../../catalog/paths";
import { always, CASES, lag, main, requested, type Case, type Input } from "./alert-cases";
import { alerts, groups, NAMESPACE } from "./expressions";
import { LEAST_VOLUMES } from "../../config";
import { THRESHOLDS } from "../../dashboards/thresholds";

const hasPromtool = spawnSync("promtool", ["--version"]).status === 0;
if (!hasPromtool)
  console.warn("SKIPPED: the alert rules were not evaluated, because promtool (package prometheus) is not installed");
const withPromtool = hasPromtool ? it : it.skip;

const dir = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-rules-"));
const rulesFile = path.join(dir, "rules.yaml");
beforeAll(() => fs.writeFileSync(rulesFile, stringify({ groups })));
afterAll(() => fs.rmSync(dir, { recursive: true }));

/** Runs one rule test in promtool. Returns promtool's output on failure, or an empty string on success. */
function promtool(
  alert: string,
  input: readonly Input[],
  fires: boolean,
  { at = "10m", interval = "15s" }: Pick<Case, "at" | "interval">,
): string {
  const file = path.join(dir, `${alert}-${fires}.yaml`);
  const test = {
    interval,
    input_series: input.map(([series, values]) => ({ series, values })),
    promql_expr_test: [
      {
        expr: `count(ALERTS{alertname="${alert}", alertstate="firing"}) > 0`,
        eval_time: at,
        exp_samples: fires ? [{ labels: "{}", value: 1 }] : [],
      },
    ],
  };
  fs.writeFileSync(file, stringify({ rule_files: [rulesFile], evaluation_interval: interval, tests: [test] }));
  const { status, stdout, stderr } = spawnSync("promtool", ["test", "rules", file], { encoding: "utf8" });
  return status === 0 ? "" : stdout + stderr;
}

it("every alert has cases, and all cases belong to an alert", () => {
  expect(Object.keys(CASES).sort()).toEqual(alerts.map((a) => a.alert).sort());
});
withPromtool("promtool accepts the rules", () => {
  expect(execFileSync("promtool", ["check", "rules", rulesFile], { encoding: "utf8" })).toContain("SUCCESS");
});
describe.each(Object.entries(CASES))("%s", (alert, c) => {
  withPromtool("fires when it should", () => expect(promtool(alert, c.fires, true, c)).toBe(""));
  withPromtool("does not fire when it should not", () => expect(promtool(alert, c.silent, false, c)).toBe(""));
});
withPromtool(
  "RedisVolumeFilling compares the size of the append-only file with the requested volume size if the kubelet reports no volumes",
  () => {
    const appended = (bytes: number): Input => [main("redis_aof_current_size_bytes"), always(bytes)];
    expect(promtool("RedisVolumeFilling", [requested, appended(800)], true, {})).toBe("");
    // the append-only file at its largest between rewrites, on a volume of the smallest accepted size
    expect(promtool("RedisVolumeFilling", [requested, appended(500)], false, {})).toBe("");
  },
);
withPromtool("RedisVolumeTooSmall uses the requested size if the kubelet reports no volumes", () => {
  const max: Input = [main("redis_memory_max_bytes"), always(400)];
  expect(promtool("RedisVolumeTooSmall", [requested, max], true, { at: "30m" })).toBe("");
  expect(promtool("RedisVolumeTooSmall", [requested, [max[0], always(333)]], false, { at: "30m" })).toBe("");
});
it("the alert considers a volume too small if the configuration does", () => {
  expect(THRESHOLDS.redisVolumes).toBe(LEAST_VOLUMES);
});
it("the panels draw their threshold line at the default lag limit", () => {
  expect(THRESHOLDS.replicaLag).toBe(lag);
});

describe("alerts", () => {
  it("have unique names", () => {
    expect(new Set(alerts.map((a) => a.alert)).size).toBe(alerts.length);
  });
  it.each(alerts.map((a) => [a.alert, a] as const))("%s has a severity, a description and a runbook", (name, rule) => {
    expect(["critical", "warning"]).toContain(rule.labels["severity"]);
    expect(rule.labels["namespace"]).toBe(NAMESPACE);
    expect(rule.annotations["summary"]).toBeTruthy();
    expect(rule.annotations["description"]).toMatch(/\.$/);
    expect(rule.annotations["runbook_url"]).toBe(`https://example.org/runbooks/${name}.md`);
    const page = fs.readFileSync(path.join(PROJECT_ROOT, "docs", "runbooks", `${name}.md`), "utf8");
    for (const heading of ["## What it means", "## What to check", "## What to do"]) expect(page).toContain(heading);
  });
  it("have no runbook without an alert", () => {
    const pages = fs.readdirSync(path.join(PROJECT_ROOT, "docs", "runbooks")).map((f) => f.replace(/\.md$/, ""));
    expect(pages.filter((page) => page !== "README").sort()).toEqual(alerts.map((a) => a.alert).sort());
  });
});
