/** `npm run docs`: generates the tables in docs/, and the pictures of docs/architecture.md, from the code. */
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { DASHBOARDS } from "../../dashboards";
import { isAlert, ruleGroups } from "../../dashboards/rules";
import { PROJECT_ROOT } from "../../catalog/paths";
import { configKeys, configSchema } from "../../config";
import { flows, type Flow } from "../../modules/policies/flows";
import { REDIS_USERS, type RedisUser } from "../../modules/redis/users";
import { rulesProps } from "../../modules/monitoring/rules-props";
import { LAYERS, OUTPUTS, UPSTREAM } from "../../stacks/outputs";
import { ACCEPTED_FINDINGS } from "../toolbox/accepted-findings";
import { installFolders } from "../toolbox/npm-install";
import { say } from "../terminal/ui";
import { codeGraph } from "./architecture/code";
import { apiTable, modulesTable, pageTable, scalerTable, scriptsTable, topFoldersTable } from "./architecture/folders";
import { systemGraph } from "./architecture/system";

const E2E = path.join(PROJECT_ROOT, "test", "e2e");

/** Tiers of end-to-end tests in which an alert fires, by alert name. */
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
  const groups = ruleGroups(rulesProps(configSchema.parse({ scaling: { fast: true } }), "iacproject"));
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
  const table = (over: object) => flows(configSchema.parse({ ...over, ...EVERYTHING }));
  const key = (f: Flow) => [f.from, f.to, f.port, f.protocol].join(" ");
  const usual = new Set(table({}).map(key));
  const kinds = {
    "with `ha`": { redis: { durability: "ha" } },
    "with `keda`": { scaling: { engine: "keda" } },
    "with `scaling.fast`": { scaling: { fast: true } },
  };
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
/** One row for all pods. */
const LOOKUPS = "| each of these, except scaler | dns | 53 UDP, TCP | name resolution |";
/** A configuration with every optional component. */
const EVERYTHING = { observability: "install", node: { discovery: "watch" } };

function acceptedFindingsTable(): string {
  const rows = Object.entries(ACCEPTED_FINDINGS).flatMap(([scanner, findings]) =>
    Object.entries(findings).map(([check, why]) => `| ${scanner} | \`${check}\` | ${cell(why)} |`),
  );
  return ["| scanner | check | why it stays |", "|---|---|---|", ...rows].join("\n");
}

/** One table per group of keys (the first part of their path); keys without a group come first. */
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
      [...(group ? [`## ${group}`, ""] : []), "| key | default | description |", "|---|---|---|", ...rows].join("\n"),
    )
    .join("\n\n");
}

function layersTable(): string {
  const rows = LAYERS.map((layer) => {
    const outputs = Object.keys(OUTPUTS[layer]).map((name) => `\`${name}\``);
    return `| ${layer} | ${UPSTREAM[layer].join(", ") || "–"} | ${outputs.join(", ")} |`;
  });
  return ["| layer | reads outputs of | its own outputs |", "|---|---|---|", ...rows].join("\n");
}

type Tables = Readonly<Record<string, () => string>>;

/** Pages in docs/ and their tables, by the name in each table's markers. */
export const PAGES: Readonly<Record<string, Tables>> = {
  "architecture.md": {
    layers: layersTable,
    folders: topFoldersTable,
    modules: modulesTable,
    scripts: scriptsTable,
    api: apiTable,
    scaler: scalerTable,
    page: pageTable,
  },
  "observability.md": { alerts: alertsTable, dashboards: dashboardsTable },
  "configuration.md": { keys: keysTable },
  "security.md": { users: usersTable, flows: flowsTable, answers: acceptedFindingsTable },
};

/** The page with its tables generated from the code. */
export function withTables(text: string, tables: Tables): string {
  return Object.entries(tables).reduce((page, [name, table]) => {
    const [begin, end] = [`<!-- ${name}: begin -->`, `<!-- ${name}: end -->`];
    const [from, to] = [page.indexOf(begin), page.indexOf(end)];
    if (from < 0 || to < 0) throw new Error(`the page has no markers for the table ${name}`);
    return `${page.slice(0, from + begin.length)}\n\n${table()}\n\n${page.slice(to)}`;
  }, text);
}

/** Pictures in docs/pictures, as graphs in DOT. */
export const GRAPHS: Readonly<Record<string, () => string>> = {
  "architecture-system.svg": systemGraph,
  "architecture-code.svg": codeGraph,
};

/** The graph as SVG. Needs the dependencies of scripts/drawing. */
export const drawn = (graph: string): string =>
  execFileSync(process.execPath, ["--import", "tsx", path.join(PROJECT_ROOT, "scripts", "drawing", "graph.ts")], {
    cwd: PROJECT_ROOT,
    encoding: "utf8",
    input: graph,
    timeout: 60_000,
  });

/** Writes `content` to `name` in docs/. */
function write(name: string, content: string): void {
  const file = path.join(PROJECT_ROOT, "docs", name);
  const isCurrent = fs.existsSync(file) && fs.readFileSync(file, "utf8") === content;
  if (!isCurrent) fs.writeFileSync(file, content);
  say(`docs/${name}: ${isCurrent ? "was up to date" : "written"}`);
}

export async function docs(): Promise<void> {
  for (const [name, tables] of Object.entries(PAGES)) {
    write(name, withTables(fs.readFileSync(path.join(PROJECT_ROOT, "docs", name), "utf8"), tables));
  }
  await installFolders("scripts/drawing");
  for (const [name, graph] of Object.entries(GRAPHS)) write(path.join("pictures", name), drawn(graph()));
}
