/** The picture of the running system, generated from the flow table. */
import { JOBS, WORKLOADS, workloadOf, type Component } from "../../../catalog/workloads";
import { configSchema, parseConfig } from "../../../config";
import { flows, type Flow, type Peer } from "../../../modules/policies/flows";
import { attributes, digraph, escaped, FAINT } from "./dot";

/** Settings that add flows to those of the default configuration, by the names that the picture uses for them. */
const SETTINGS = {
  ha: { redis: { durability: "ha" } },
  keda: { scaling: { engine: "keda" } },
  "scaling.fast": { scaling: { fast: true } },
  backups: { redis: { backup: { schedule: "@daily" } } },
  "backups to a bucket": {
    redis: { backup: { schedule: "@daily", s3: { endpoint: "https://s3.invalid", bucket: "any", secret: "any" } } },
  },
} as const;
type Setting = keyof typeof SETTINGS;
const COLOURS: Readonly<Record<Setting, string>> = {
  ha: "#8a3ffc",
  keda: "#b35900",
  "scaling.fast": "#2b8a3e",
  backups: "#0b7285",
  "backups to a bucket": "#0b7285",
};

interface SettingFlow extends Flow {
  /** The setting that the flow needs. @default none */
  readonly setting?: Setting;
}

const table = (over: object): readonly Flow[] =>
  flows(parseConfig(over, { kubeconfigEnv: undefined, home: "/" })).filter((f) => f.to !== "dns");

/** Every flow except the DNS flows, which every pod has. */
function allFlows(): readonly SettingFlow[] {
  const found = new Map<string, SettingFlow>();
  const add = (over: object, setting: Partial<SettingFlow>) => {
    for (const flow of table(over)) {
      const key = [flow.from, flow.to, flow.port, flow.protocol].join(" ");
      if (!found.has(key)) found.set(key, { ...flow, ...setting });
    }
  };
  add({}, {});
  for (const [setting, over] of Object.entries(SETTINGS)) add(over, { setting: setting as Setting });
  return [...found.values()];
}

/** Flow endpoints that are not this project's workloads; `bucket` is `anyone` as a destination. */
const OUTSIDE: Readonly<Record<string, readonly [title: string, text: string]>> = {
  anyone: ["Browser", "anyone who can reach the front"],
  bucket: ["Bucket", "S3-compatible storage"],
  "kubernetes-api": ["Kubernetes API", "EndpointSlices, pods, replica counts"],
  prometheus: ["Prometheus", "and Alertmanager, Grafana"],
  keda: ["KEDA", "scales by load signals"],
};

const LEGEND =
  "Solid: default configuration. Dashed: only with the setting in brackets. Each pod except the fast scaler also uses DNS, port 53.";

const isComponent = (peer: string): peer is Component => peer in WORKLOADS;

function box(id: string): string {
  const component = isComponent(id) ? workloadOf(id) : undefined;
  const [title, text] = component
    ? [component.title, `Service ${component.name}, layer ${component.layer}`]
    : (OUTSIDE[id] ?? [id, "CronJob, layer data"]);
  const fill = component ? "#dbe7ff" : "#f1f3f5";
  const cells = `<b>${escaped(title)}</b><br/><font point-size="12" color="${FAINT}">${escaped(text)}</font>`;
  const style = `border="1" cellborder="0" cellpadding="8" style="rounded" color="#9fb3c8" bgcolor="${fill}"`;
  return `"${id}" ${attributes({ label: `<<table ${style}><tr><td>${cells}</td></tr></table>>` })}`;
}

/** A frame around the boxes of one namespace. */
const cluster = (name: string, title: string, lines: readonly string[]): string[] => [
  `subgraph "cluster_${name}" {`,
  `  label=<<b>${escaped(title)}</b>>; labeljust=l; style=rounded; color="#9fb3c8"; margin=14`,
  ...lines.map((line) => `  ${line}`),
  "}",
];

const idOf = (peer: Peer, end: "from" | "to"): string => (peer === "anyone" && end === "to" ? "bucket" : peer);

/** The label in two lines, if one line would be too long for an arrow. */
const wrapped = (text: string): string => {
  const words = text.split(" ");
  if (text.length <= 20) return escaped(text);
  const middle = words.findIndex((_, i) => words.slice(0, i + 1).join(" ").length >= text.length / 2);
  return [words.slice(0, middle + 1), words.slice(middle + 1)].map((w) => escaped(w.join(" "))).join("<br/>");
};

/** One arrow for all flows that need the same setting and run between the same two endpoints. */
function arrow(along: readonly SettingFlow[]): string {
  const { from, to, setting } = along[0]!;
  const colour = setting && COLOURS[setting];
  const lines = along.map(
    (f) => `<b>${f.port === undefined ? "its own port" : `:${f.port}`}</b><br/>${wrapped(f.why)}`,
  );
  if (setting) lines.push(`<i>(${setting})</i>`);
  return `"${idOf(from, "from")}" -> "${idOf(to, "to")}" ${attributes({
    // on a white background, so that no arrow runs through the text
    label: `<<table border="0" cellborder="0" cellpadding="1" bgcolor="white"><tr><td>${lines.join("<br/>")}</td></tr></table>>`,
    ...(colour ? { style: "dashed", color: colour, fontcolor: colour } : {}),
  })}`;
}

/** The running system in DOT: a box for each endpoint of a flow, framed by namespace, and an arrow for each flow. */
export function systemGraph(): string {
  const all = allFlows();
  const arrows = new Map<string, SettingFlow[]>();
  for (const flow of all) {
    const key = [flow.from, flow.to, flow.setting].join(" ");
    arrows.set(key, [...(arrows.get(key) ?? []), flow]);
  }
  const { namespaces } = configSchema.parse({});
  const ids = [...new Set(all.flatMap((f) => [idOf(f.from, "from"), idOf(f.to, "to")]))];
  const inApp = (id: string) => isComponent(id) || (JOBS as readonly string[]).includes(id);
  const own: Readonly<Record<string, string>> = { prometheus: namespaces.monitoring, keda: namespaces.keda };
  return digraph({ rankdir: "TB", nodesep: 0.45, ranksep: 0.5, label: LEGEND }, [
    ...cluster("app", `namespace ${namespaces.app}`, ids.filter(inApp).map(box)),
    ...Object.entries(own).flatMap(([id, namespace]) => cluster(id, `namespace ${namespace}`, [box(id)])),
    ...ids.filter((id) => !inApp(id) && !(id in own)).map(box),
    ...[...arrows.values()].map(arrow),
  ]);
}
