import * as fs from "node:fs";
import * as path from "node:path";
import { dashboards } from "../../dashboards";
import { ruleGroups } from "../../dashboards/rules";
import { PROJECT_ROOT } from "../../modules/config";

interface Panel {
  type: string;
  title: string;
  description?: string;
  targets?: { expr: string }[];
  fieldConfig?: { defaults: { unit?: string } };
  gridPos: { x: number; w: number };
}
interface Dashboard {
  uid: string;
  title: string;
  panels: Panel[];
}
const all = Object.values(dashboards("some-namespace")) as Dashboard[];
const panels = all.flatMap((d) => d.panels).filter((p) => p.type !== "row");
const rules = ruleGroups("some-namespace", "https://example.org/runbooks").flatMap((g) => g.rules);

describe("dashboards", () => {
  it("are there for the application, Redis and autoscaling, with fixed uids", () => {
    expect(all.map((d) => d.uid).sort()).toEqual(["iac-application", "iac-autoscaling", "iac-redis"]);
  });
  it("have a title, a description, a unit and a query on each panel", () => {
    for (const p of panels) {
      expect(p.title).toBeTruthy();
      expect(p.description).toMatch(/\.$/);
      expect(p.fieldConfig?.defaults.unit).toBeTruthy();
      expect(p.targets?.length).toBeGreaterThan(0);
    }
  });
  it("stay within Grafana's 24 columns", () => {
    for (const p of panels) expect(p.gridPos.x + p.gridPos.w).toBeLessThanOrEqual(24);
  });
  it("select the configured namespace in every query", () => {
    for (const { expr } of panels.flatMap((p) => p.targets ?? [])) expect(expr).toContain('namespace="some-namespace"');
  });
  it("show each autoscaler's current and wanted pods between its bounds", () => {
    const text = JSON.stringify(all.find((d) => d.uid === "iac-autoscaling"));
    for (const name of ["node", "react", "redis-replicas", "redis-exporter"])
      expect(text).toContain(`horizontalpodautoscaler=\\"${name}\\"`);
  });
});

describe("alerts", () => {
  it("have unique names", () => {
    expect(new Set(rules.map((r) => r.alert)).size).toBe(rules.length);
  });
  it.each(rules.map((r) => [r.alert, r] as const))("%s says how bad, what and where to read on", (name, rule) => {
    expect(["critical", "warning", "info"]).toContain(rule.labels["severity"]);
    expect(rule.annotations["summary"]).toBeTruthy();
    expect(rule.annotations["description"]).toMatch(/\.$/);
    expect(rule.annotations["runbook_url"]).toBe(`https://example.org/runbooks/${name}.md`);
    const page = fs.readFileSync(path.join(PROJECT_ROOT, "docs", "runbooks", `${name}.md`), "utf8");
    for (const heading of ["## What it means", "## How to look", "## What to do"]) expect(page).toContain(heading);
  });
  it("about an autoscaler at its maximum need it to be limited, not just content there", () => {
    expect(rules.find((r) => r.alert === "AutoscalerAtMaximum")!.expr).toContain("ScalingLimited");
  });
});
