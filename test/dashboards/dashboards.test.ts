import * as fs from "node:fs";
import * as path from "node:path";
import { DASHBOARDS, dashboards } from "../../dashboards";
import { PROJECT_ROOT } from "../../catalog/paths";
import {
  alerts,
  annotationExpressions,
  NAMESPACE,
  panelExpressions,
  ruleExpressions,
  rules,
  type Expression,
} from "./expressions";
import { exported } from "./exported";
import { seriesOf, syntaxErrors } from "./promql";

interface Panel {
  type: string;
  title: string;
  description?: string;
  links?: { url: string }[];
  targets?: { expr: string }[];
  fieldConfig?: { defaults: { unit?: string; thresholds?: { steps: { value: number | null }[] } } };
  gridPos: { x: number; w: number };
}
interface Built {
  uid: string;
  title: string;
  panels: Panel[];
  templating: { list: { name: string; current?: { value: string } }[] };
  annotations: { list: { name: string }[] };
  links: { type: string }[];
}
const built = (runbooks = "https://example.org/runbooks") =>
  Object.values(dashboards({ namespace: NAMESPACE, runbooks })) as Built[];
const all = built();
const panelsOf = (list: Built[]) => list.flatMap((d) => d.panels).filter((p) => p.type !== "row");
const specs = DASHBOARDS.flatMap((d) => d.rows.flatMap((r) => r.panels));
const expressions: readonly Expression[] = [
  ...panelExpressions(NAMESPACE),
  ...annotationExpressions(NAMESPACE),
  ...ruleExpressions,
];

describe("dashboards", () => {
  it("exist for each part of the system, with fixed uids", () => {
    expect(all.map((d) => d.uid)).toEqual([
      "iac-overview",
      "iac-api",
      "iac-front",
      "iac-redis",
      "iac-autoscaling",
      "iac-headroom",
    ]);
  });
  it("have a title, a description, a unit and a query in every panel", () => {
    for (const p of panelsOf(all)) {
      expect(p.title).toBeTruthy();
      expect(p.description).toMatch(/\.$/);
      expect(p.fieldConfig?.defaults.unit).toBeTruthy();
      expect(p.targets?.length).toBeGreaterThan(0);
    }
  });
  it("have unique panel titles", () => {
    for (const d of all) {
      const titles = d.panels.filter((p) => p.type !== "row").map((p) => p.title);
      expect(new Set(titles).size).toBe(titles.length);
    }
  });
  it("stay within Grafana's 24 columns", () => {
    for (const p of panelsOf(all)) expect(p.gridPos.x + p.gridPos.w).toBeLessThanOrEqual(24);
  });
  it("show the configured namespace initially, and any other on selection", () => {
    for (const d of all) {
      expect(d.templating.list.find((v) => v.name === "namespace")!.current!.value).toBe(NAMESPACE);
      // headroom is a property of the whole cluster
      if (d.uid === "iac-headroom") continue;
      for (const p of d.panels.filter((q) => q.type !== "row"))
        for (const t of p.targets ?? []) expect(t.expr).toContain('namespace="$namespace"');
    }
  });
  it("have a variable for the pod or instance if panels show several", () => {
    const names = (uid: string) => all.find((d) => d.uid === uid)!.templating.list.map((v) => v.name);
    expect(names("iac-api")).toContain("pod");
    expect(names("iac-front")).toContain("pod");
    expect(names("iac-redis")).toContain("instance");
  });
  it("use only variables that they define", () => {
    for (const d of all) {
      const known = d.templating.list.map((v) => v.name);
      const used = JSON.stringify(d.panels).matchAll(/\$\{?([a-z]\w*)/g);
      for (const [, name] of used) expect([...known, "__all"]).toContain(name);
    }
  });
  it("link to each other, and mark rollouts and scaling", () => {
    for (const d of all) {
      expect(d.links.map((l) => l.type)).toEqual(["dashboards"]);
      expect(d.annotations.list.map((a) => a.name)).toEqual(["Rollout", "Scaling"]);
    }
  });
  it("link each panel with an alert to its runbook", () => {
    const linked = panelsOf(all).flatMap((p) => p.links ?? []);
    expect(linked.length).toBe(specs.filter((p) => p.alert).length);
    for (const { url } of linked) {
      const [, name] = /^https:\/\/example\.org\/runbooks\/(\w+)\.md$/.exec(url)!;
      expect(alerts.map((a) => a.alert)).toContain(name);
    }
  });
  it("have no runbook links if the runbooks are in a folder", () => {
    expect(panelsOf(built("docs/runbooks")).flatMap((p) => p.links ?? [])).toEqual([]);
  });
  it("draw each threshold", () => {
    for (const p of specs.filter((q) => q.limit)) {
      const drawn = panelsOf(all).find((q) => q.title === p.title && q.description === p.description)!;
      expect(drawn.fieldConfig!.defaults.thresholds!.steps.map((s) => s.value)).toEqual([null, p.limit!.at]);
    }
  });
});

describe("alerts", () => {
  it("have unique names", () => {
    expect(new Set(alerts.map((a) => a.alert)).size).toBe(alerts.length);
  });
  it.each(alerts.map((a) => [a.alert, a] as const))("%s has severity, texts and a runbook", (name, rule) => {
    expect(["critical", "warning"]).toContain(rule.labels["severity"]);
    expect(rule.labels["namespace"]).toBe(NAMESPACE);
    expect(rule.annotations["summary"]).toBeTruthy();
    expect(rule.annotations["description"]).toMatch(/\.$/);
    expect(rule.annotations["runbook_url"]).toBe(`https://example.org/runbooks/${name}.md`);
    const runbook = fs.readFileSync(path.join(PROJECT_ROOT, "docs", "runbooks", `${name}.md`), "utf8");
    for (const heading of ["## What it means", "## What to check", "## What to do"]) expect(runbook).toContain(heading);
  });
  it("have no runbook without an alert", () => {
    const runbooks = fs.readdirSync(path.join(PROJECT_ROOT, "docs", "runbooks")).map((f) => f.replace(/\.md$/, ""));
    expect(runbooks.filter((name) => name !== "README").sort()).toEqual(alerts.map((a) => a.alert).sort());
  });
});

describe("expressions", () => {
  it("are valid PromQL", () => {
    expect(expressions.flatMap((e) => syntaxErrors(e.expr).map((error) => `${e.origin}: ${error}`))).toEqual([]);
  });
  it("that are invalid are detected", () => {
    expect(syntaxErrors("sum(rate(x[5m])")).toHaveLength(1);
  });
  it("query only series and labels that a deployed system exports", () => {
    const recorded = new Set(rules.flatMap((r) => ("record" in r ? [r.record] : [])));
    const missing = expressions.flatMap((e) =>
      seriesOf(e.expr).flatMap(({ metric, labels }) => {
        // Prometheus makes ALERTS itself, with the labels of the firing alert
        if (recorded.has(metric) || metric === "ALERTS") return [];
        const known = exported.find((s) => s.metric === metric);
        if (!known) return [`${e.origin}: nothing exports ${metric}`];
        return labels.filter((l) => !known.labels.includes(l)).map((l) => `${e.origin}: ${metric} has no label ${l}`);
      }),
    );
    expect(missing).toEqual([]);
  });
});
