/** `npm run logs -- NAME`: shows the logs of all pods of a workload as one stream. */
import { loadConfig } from "../../config";
import { PART_OF } from "../../catalog/names";
import { COMPONENTS, WORKLOAD_NAME, type Component } from "../../catalog/workloads";
import { clusterEnv, clusterFlags, Kube } from "../cluster/kubectl";
import { isAbout, parseLine, readable } from "../terminal/log-lines";
import { run, type Run } from "../terminal/run-program";
import { dim, Failure, say } from "../terminal/ui";

export interface LogsOptions {
  readonly follow: boolean;
  readonly previous: boolean;
  readonly since: string;
  readonly tail: string;
  readonly request?: string;
  readonly json: boolean;
}

/** Timeouts without and with --follow, in ms. */
const READ_MS = 60_000;
const FOLLOW_MS = 12 * 3_600_000;
/** kubectl follows at most five streams by default. */
const STREAMS = 50;

export const WORKLOAD_NAMES: readonly string[] = COMPONENTS.map((c) => WORKLOAD_NAME[c]);

/** Arguments for kubectl that select a workload by its label, a pod by its name, or all workloads. */
export async function selection(kube: Kube, name: string | undefined): Promise<string[]> {
  if (name === undefined) return ["-l", `app.kubernetes.io/part-of=${PART_OF}`];
  const component = COMPONENTS.find((c: Component) => c === name || WORKLOAD_NAME[c] === name);
  if (component) return ["-l", `app.kubernetes.io/name=${component}`];
  const { app } = kube.config.namespaces;
  const pods = (await kube.list("pods", "-n", app)).map((p) => p.metadata.name);
  if (pods.includes(name)) return [name];
  throw new Failure(
    `There is no workload or pod ${name} in namespace ${app}.`,
    `Workloads: ${WORKLOAD_NAMES.join(", ")}. Pods: ${pods.join(", ") || "none; deploy it: npm run up"}`,
  );
}

/** @throws Failure for an unknown name, an invalid option or an unreachable cluster */
export async function logs(name: string | undefined, options: LogsOptions, runs: Run = run): Promise<void> {
  if (!/^\d+[smh]$/.test(options.since)) {
    throw new Failure(`--since is "${options.since}", expected a time such as 30s, 10m or 2h.`);
  }
  if (!/^(\d+|all)$/.test(options.tail))
    throw new Failure(`--tail is "${options.tail}", expected a number of lines, or all.`);
  const config = loadConfig();
  const kube = new Kube(config, runs);
  await kube.ping();
  const { app } = config.namespaces;
  const of = await selection(kube, name);
  // this command changes nothing, so Ctrl+C may stop it immediately
  if (options.follow) process.removeAllListeners("SIGINT");
  let seen = 0;
  await runs(
    "kubectl",
    [
      ...clusterFlags(config),
      ...["-n", app, "logs", ...of, "--prefix", "--timestamps", "--all-containers", "--ignore-errors"],
      ...["--max-log-requests", String(STREAMS), "--since", options.since],
      ...["--tail", options.tail === "all" ? "-1" : options.tail],
      ...(options.follow ? ["--follow"] : []),
      ...(options.previous ? ["--previous"] : []),
    ],
    {
      timeoutMs: options.follow ? FOLLOW_MS : READ_MS,
      env: clusterEnv(config),
      onLine: (text) => {
        const line = parseLine(text);
        if (!line || (options.request && !isAbout(line, options.request))) return;
        seen++;
        say(options.json ? line.text : readable(line));
      },
    },
  );
  if (!seen) {
    const about = options.request ? ` about request ${options.request}` : "";
    process.stderr.write(dim(`No log lines${about} in the last ${options.since} from ${name ?? "any workload"}.\n`));
  }
}
