/** `npm run docs`: writes the tables of the pages in docs/ anew from the code that they tell of. */
import * as fs from "node:fs";
import * as path from "node:path";
import { DASHBOARDS } from "../../dashboards";
import { isAlert, ruleGroups } from "../../dashboards/rules";
import { PROJECT_ROOT } from "../../catalog/paths";
import { configKeys, configSchema } from "../../config";
import { flows, type Flow } from "../../modules/policies/flows";
import { REDIS_USERS, type RedisUser } from "../../modules/redis/users";
import { rulesProps } from "../../modules/monitoring/rules-props";
import { ANSWERS } from "../toolbox/accepted-findings";
import { say } from "../terminal/ui";

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
  return ["| alert | severity | summary | for | fired in |", "|---|---|---|---|---|", ...rows].join("\n");
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

function usersTable(): string {
  const code = (text: string | undefined) =>
    text
      ? text
          .split(" ")
          .map((rule) => `\`${cell(rule)}\``)
          .join(" ")
      : "";
  const rows = Object.entries<RedisUser>(REDIS_USERS).map(
    ([name, user]) =>
      `| \`${name}\` | ${user.purpose} | ${[code(user.rules), code(user.inPool)].filter(Boolean).join("; with `ha` ")} |`,
  );
  return ["| user | for | may |", "|---|---|---|", ...rows].join("\n");
}

function flowsTable(): string {
  const table = (over: object) => flows(configSchema.parse({ ...over, ...EVERYTHING_SEEN }));
  const key = (f: Flow) => [f.from, f.to, f.port, f.protocol].join(" ");
  const usual = new Set(table({}).map(key));
  const kinds = { "with `ha`": { redis: { durability: "ha" } }, "with `keda`": { scaling: { engine: "keda" } } };
  const rows = (found: readonly Flow[], when: string) =>
    found
      .filter((f) => f.to !== "dns")
      .map((f) => `| ${f.from} | ${f.to} | ${f.port ?? "its own"} ${f.protocol} | ${f.why}${when} |`);
  const more = Object.entries(kinds).flatMap(([when, over]) =>
    rows(
      table(over).filter((f) => !usual.has(key(f))),
      ` (${when})`,
    ),
  );
  return ["| from | to | port | for |", "|---|---|---|---|", ...rows(table({}), ""), ...more, LOOKUPS].join("\n");
}
/** The same for each of our pods. */
const LOOKUPS = "| each of these | dns | 53 UDP, TCP | name resolution |";
/** Nothing that a configuration could leave out. */
const EVERYTHING_SEEN = { observability: "install", node: { discovery: "watch" } };

function answersTable(): string {
  const rows = Object.entries(ANSWERS).flatMap(([scanner, answers]) =>
    Object.entries(answers).map(([check, why]) => `| ${scanner} | \`${check}\` | ${cell(why)} |`),
  );
  return ["| scanner | check | why it stays |", "|---|---|---|", ...rows].join("\n");
}

/** A table for each first part of the keys; those without a group come first. */
function keysTable(): string {
  const groups = new Map<string, string[]>();
  for (const { path: at, description, default: value, choices } of configKeys()) {
    const group = at.includes(".") ? at.split(".")[0]! : "";
    const may = choices ? ` (${choices.map((c) => `\`${c}\``).join(", ")})` : "";
    const shown = value === undefined ? "" : `\`${cell(JSON.stringify(value))}\``;
    groups.set(group, [...(groups.get(group) ?? []), `| \`${at}\` | ${shown} | ${cell(description)}${may} |`]);
  }
  return [...groups]
    .map(([group, rows]) =>
      [...(group ? [`## ${group}`, ""] : []), "| key | default | what it is |", "|---|---|---|", ...rows].join("\n"),
    )
    .join("\n\n");
}

type Tables = Readonly<Record<string, () => string>>;

/** Pages of docs/ and their tables, by the name in the marks around each. */
export const PAGES: Readonly<Record<string, Tables>> = {
  "observability.md": { alerts: alertsTable, dashboards: dashboardsTable },
  "configuration.md": { keys: keysTable },
  "security.md": { users: usersTable, flows: flowsTable, answers: answersTable },
};

/** The page with its tables as the code has them now. */
export function withTables(text: string, tables: Tables): string {
  return Object.entries(tables).reduce((page, [name, table]) => {
    const [begin, end] = [`<!-- ${name}: begin -->`, `<!-- ${name}: end -->`];
    const [from, to] = [page.indexOf(begin), page.indexOf(end)];
    if (from < 0 || to < 0) throw new Error(`the page has no marks for ${name}`);
    return `${page.slice(0, from + begin.length)}\n\n${table()}\n\n${page.slice(to)}`;
  }, text);
}

export function docs(): void {
  for (const [name, tables] of Object.entries(PAGES)) {
    const file = path.join(PROJECT_ROOT, "docs", name);
    const before = fs.readFileSync(file, "utf8");
    const now = withTables(before, tables);
    fs.writeFileSync(file, now);
    say(`docs/${name}: ${now === before ? "was up to date" : "written"}`);
  }
}
