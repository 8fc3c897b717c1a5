/** `npm run docs`: writes the tables of docs/observability.md anew from the code that they tell of. */
import * as fs from "node:fs";
import * as path from "node:path";
import { DASHBOARDS } from "../dashboards";
import { isAlert, ruleGroups } from "../dashboards/rules";
import { configSchema, PROJECT_ROOT } from "../modules/config";
import { rulesProps } from "../modules/rules-props";
import { say } from "./lib/ui";

const PAGE = path.join(PROJECT_ROOT, "docs", "observability.md");
const E2E = path.join(PROJECT_ROOT, "test", "e2e");

/** Tiers of the end-to-end test that make an alert fire, by the alert's name. */
function causedIn(): Map<string, string[]> {
  const caused = new Map<string, string[]>();
  for (const file of fs.readdirSync(E2E).filter((f) => f.endsWith(".e2e.ts"))) {
    const text = fs.readFileSync(path.join(E2E, file), "utf8");
    for (const [, alert] of text.matchAll(/\bfiring\("(\w+)"/g)) {
      const tiers = caused.get(alert!) ?? [];
      const tier = file.replace(".e2e.ts", "");
      if (!tiers.includes(tier)) caused.set(alert!, [...tiers, tier]);
    }
  }
  return caused;
}

const cell = (text: string): string => text.replaceAll("|", "\\|");

function alertsTable(): string {
  const caused = causedIn();
  const groups = ruleGroups(rulesProps(configSchema.parse({}), "iacproject"));
  const rows = groups
    .flatMap((g) => g.rules)
    .filter(isAlert)
    .map((a) => {
      const summary = a.annotations["summary"]!.replace(/\{\{ \$labels\.(\w+) \}\}/g, "*$1*");
      const tiers = caused.get(a.alert)?.map((tier) => `tier \`${tier}\``);
      return `| [${a.alert}](runbooks/${a.alert}.md) | ${a.labels["severity"]} | ${cell(summary)} | ${a.for} | ${tiers?.join(", ") ?? "rule tests only"} |`;
    });
  return ["| alert | severity | says | after | caused in |", "|---|---|---|---|---|", ...rows].join("\n");
}

function dashboardsTable(): string {
  return DASHBOARDS.map((d) => {
    const rows = d.rows.flatMap((row) =>
      row.panels.map((p) => `| ${row.title} | ${cell(p.title)} | ${p.unit} | ${cell(p.description)} |`),
    );
    return [
      `**${d.title}** (\`${d.uid}\`): ${d.description}`,
      "",
      "| row | panel | unit | shows |",
      "|---|---|---|---|",
      ...rows,
    ].join("\n");
  }).join("\n\n");
}

/** The page with its tables as the code has them now. */
export function observabilityPage(page: string): string {
  const parts = { alerts: alertsTable(), dashboards: dashboardsTable() };
  return Object.entries(parts).reduce((text, [name, table]) => {
    const [begin, end] = [`<!-- ${name}: begin -->`, `<!-- ${name}: end -->`];
    const [from, to] = [text.indexOf(begin), text.indexOf(end)];
    if (from < 0 || to < 0) throw new Error(`${PAGE} has no marks for ${name}`);
    return `${text.slice(0, from + begin.length)}\n\n${table}\n\n${text.slice(to)}`;
  }, page);
}

export function docs(): void {
  const before = fs.readFileSync(PAGE, "utf8");
  const now = observabilityPage(before);
  fs.writeFileSync(PAGE, now);
  say(`docs/observability.md: ${now === before ? "was up to date" : "written"}`);
}
