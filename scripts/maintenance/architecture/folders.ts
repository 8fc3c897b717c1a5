/** Descriptions of the folders, for the tables in docs/architecture.md and the picture of the code. */
import { execFileSync } from "node:child_process";
import { PROJECT_ROOT } from "../../../catalog/paths";

/** Description of each folder's contents. The picture shows the text before the first semicolon. */
const CONTENTS: Readonly<Record<string, string>> = {
  ".ci": "continuous integration; `.ci/run`, and the commands that prepare a lab cluster",
  ".github": "the same checks as a workflow on a public forge",
  bench: "benchmarks; they write their figures to `docs/benchmarks.md`",
  catalog:
    "constants; names, ports, labels, versions, paths, and one descriptor per workload. This folder imports nothing",
  config: "what a user can set; sources, validation and defaults. `loadConfig` reads the whole configuration",
  dashboards: "dashboards and rules; panels, recording rules and alerts as code",
  docs: "these pages; also the French report (`docs/rapport`), benchmark figures, decisions and runbooks",
  images: "the container images; each folder is a separate package and the only build context of its image",
  modules: "the resources, by subject; CDKTF constructs that get all their input from their props",
  profiles: "settings for each type of cluster; `profile: k3s` reads `profiles/k3s.yaml`",
  scripts: "the commands; everything that `npm run` starts, and the code behind it",
  stacks: "the four layers; one file per layer, `layer.ts` (backend, providers) and `outputs.ts`",
  test: "tests of everything except the images; mirrors the folders above, plus `e2e/` (on a cluster) and `helpers/`",

  "config/schema": "the keys by section, with defaults and descriptions, and the checks across sections",

  "dashboards/rules": "recording rules and alerts, by subject",

  "images/node": "the API; Node.js, no framework",
  "images/react": "the front; React page and nginx",
  "images/scaler": "the fast scaler; Node.js, no framework",

  "images/node/src/discovery": "finds the read replicas, through EndpointSlices or DNS",
  "images/node/src/http": "server, routes, input, status, and the mapping of errors to HTTP",
  "images/node/src/metrics": "Prometheus metrics, and the short-term load that autoscalers read",
  "images/node/src/redis": "`store.ts`: the operations on keys that routes can use",
  "images/node/src/redis/connection": "a connection to Redis: timeouts, reconnects, Sentinel",
  "images/node/src/redis/reads": "the replica pool: choice, health and lag of each replica",
  "images/node/src/redis/writes": "writes to main: batching, replication guarantee, waiting for a new main",

  "images/react/nginx": "nginx: configuration template and start scripts",
  "images/react/src": "the page in the browser",
  "images/react/src/check": "the system check",
  "images/react/src/keys": "the list of keys; adding, editing and deleting keys",
  "images/react/src/live": "the live view of the pods",
  "images/react/src/text": "the texts, English and French",

  "images/scaler/src/decision":
    "computes the replica count: formula, window, policies, flapping guard; no clock, HTTP or Kubernetes access",
  "images/scaler/src/gauges": "reads the pods' gauges",
  "images/scaler/src/http": "metrics and probes",
  "images/scaler/src/kubernetes": "lists and watches objects, holds the Lease, writes the replica count",
  "images/scaler/src/scaling": "runs the ticks: each one reads, decides and writes",

  "modules/autoscaling": "HorizontalPodAutoscaler or KEDA's ScaledObject, their signals, KEDA, metrics-server",
  "modules/charts": "this project's two small Helm charts; Helm releases record their path, so it never changes",
  "modules/images": "registry client, context hash, build and push, third-party images",
  "modules/kubernetes":
    "pods, Services, workloads, namespaces, Secrets, Helm charts, and a descriptor's values for a given configuration (`sizing.ts`)",
  "modules/monitoring":
    "kube-prometheus-stack, Alertmanager's configuration, monitors, rules and dashboards as objects",
  "modules/policies": "the flow table, the NetworkPolicies generated from it, the namespace's quota",
  "modules/redis":
    "main, Sentinel group, replicas, exporter, backup, configuration files, TLS, users; `scripts/` runs in the pods",
  "modules/terraform": "escaping, dependencies, the Kubernetes backend",
  "modules/web": "the API and the front, and the code that both share (`web-workload.ts`)",

  "scripts/cluster": "kubectl, cluster selection, kind, port-forwards, redaction of secrets",
  "scripts/commands": "the commands for users: `up`, `down`, `diff`, `status` …, one file per command",
  "scripts/deploy":
    "the steps of a deployment: preflight, permissions, adoption, layers, drift, readiness, smoke test, leftovers",
  "scripts/doctor":
    "checks that only `doctor` runs: nodes, storage, owners, logins, proxy, restrictions of the cluster",
  "scripts/drawing": "charts and graphs as SVG and PNG; has its own dependencies, installed on first use",
  "scripts/load": "load profiles, the generator (k6), samples",
  "scripts/maintenance":
    "the commands for maintainers: `docs`, `e2e`, `bench`, `scan`, `compare` …, one file per command",
  "scripts/prose": "the prose check of `npm run lint`, and a tool that draws passages to read",
  "scripts/redis": "running commands in the Redis pods, file transfer, backup volume, snapshot check",
  "scripts/spelling": "the spelling check of `npm run lint`, with the project dictionary",
  "scripts/terminal": "output, errors, the run log, child processes, interrupts, the lock",
  "scripts/terraform": "synthesis, Terraform runs, imports, states and their locks, rendered manifests",
  "scripts/toolbox": "downloads of missing programs, npm and PyPI installs, accepted scanner findings",
};

/** Folders that contain files, without those that Git ignores. */
function allFolders(): readonly string[] {
  const files = execFileSync("git", ["ls-files", "-co", "--exclude-standard"], { cwd: PROJECT_ROOT, encoding: "utf8" });
  const folders = files.split("\n").flatMap((file) => {
    const parts = file.split("/").slice(0, -1);
    return parts.map((_, i) => parts.slice(0, i + 1).join("/"));
  });
  return [...new Set(folders)].sort();
}

/** The folders directly in `parent`; the top level by default. */
export function foldersIn(parent = ""): readonly string[] {
  const depth = parent === "" ? 1 : parent.split("/").length + 1;
  return allFolders().filter((f) => f.split("/").length === depth && (parent === "" || f.startsWith(`${parent}/`)));
}

/** The description of `folder`. @throws if this file contains none */
export function contents(folder: string): string {
  const text = CONTENTS[folder];
  if (text === undefined)
    throw new Error(`${folder}/ has no description in scripts/maintenance/architecture/folders.ts`);
  return text;
}

const rows = (folders: readonly string[], under = ""): string =>
  [
    "| folder | contents |",
    "|---|---|",
    ...folders.map((f) => `| [${f.slice(under.length)}/](../${f}) | ${contents(f)} |`),
  ].join("\n");

/** Folders in `parent`, and the subfolders of those listed in `open`. */
const table = (parent: string, ...open: readonly string[]): string =>
  rows(
    foldersIn(parent).flatMap((f) => [f, ...(open.includes(f) ? foldersIn(f) : [])]),
    parent === "" ? "" : `${parent}/`,
  );

export const topFoldersTable = (): string => table("", "config", "dashboards", "images");
export const modulesTable = (): string => table("modules");
export const scriptsTable = (): string => table("scripts");
export const apiTable = (): string => table("images/node/src", "images/node/src/redis");
export const scalerTable = (): string => table("images/scaler/src");
export const pageTable = (): string => table("images/react/src");
