import { DASHBOARDS, dashboards } from "../../dashboards";
import { alerts, NAMESPACE } from "./expressions";

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
  Object.values(dashboards({ namespace: NAMESPACE, runbooks, fast: true })) as Built[];
const all = built();
const panelsOf = (list: Built[]) => list.flatMap((d) => d.panels).filter((p) => p.type !== "row");
const specs = DASHBOARDS.flatMap((d) => d.rows.flatMap((r) => r.panels));

describe("dashboards", () => {
  it("exist for each workload, with fixed uids", () => {
    expect(all.map((d) => d.uid)).toEqual([
      "iac-overview",
      "iac-api",
      "iac-front",
      "iac-redis",
      "iac-autoscaling",
      "iac-headroom",
    ]);
  });
  it("have a title, a description, a unit and a query on each panel", () => {
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
  it("default to the configured namespace, and can show any other one", () => {
    for (const d of all) {
      expect(d.templating.list.find((v) => v.name === "namespace")!.current!.value).toBe(NAMESPACE);
      // headroom is shared by all namespaces
      if (d.uid === "iac-headroom") continue;
      for (const p of d.panels.filter((q) => q.type !== "row"))
        for (const t of p.targets ?? []) expect(t.expr).toContain('namespace="$namespace"');
    }
  });
  it("have an instance variable if panels show several instances", () => {
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
  it("link each panel to its alert's runbook", () => {
    const linked = panelsOf(all).flatMap((p) => p.links ?? []);
    expect(linked.length).toBe(specs.filter((p) => p.alert).length);
    for (const { url } of linked) {
      const [, name] = /^https:\/\/example\.org\/runbooks\/(\w+)\.md$/.exec(url)!;
      expect(alerts.map((a) => a.alert)).toContain(name);
    }
  });
  it("do not link to a runbook that is only a local file", () => {
    expect(panelsOf(built("docs/runbooks")).flatMap((p) => p.links ?? [])).toEqual([]);
  });
  it("draw each panel's threshold", () => {
    for (const p of specs.filter((q) => q.limit)) {
      const drawn = panelsOf(all).find((q) => q.title === p.title && q.description === p.description)!;
      expect(drawn.fieldConfig!.defaults.thresholds!.steps.map((s) => s.value)).toEqual([null, p.limit!.at]);
    }
  });
});
