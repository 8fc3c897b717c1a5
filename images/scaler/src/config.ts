/** The configuration, read from the environment: what to scale, and how. */
import { hostname } from "node:os";
import { Fields } from "./fields";

/** Limits how fast a count may change: per period, by a share of the pods or a number of pods, whichever is larger. */
export interface Policy {
  readonly percent: number;
  readonly pods: number;
  readonly periodSeconds: number;
}

/** A gauge that each pod reports. */
export interface Signal {
  /** Name in Prometheus' text format. */
  readonly metric: string;
  /** Target value per pod. */
  readonly target: number;
  /** A higher value is rejected: the unit is wrong, or the gauge is broken. */
  readonly limit: number;
}

/** A Deployment to scale. */
export interface Target {
  /** Name of the Deployment. */
  readonly workload: string;
  /** Name of its HorizontalPodAutoscaler, which provides the bounds and the CPU usage. */
  readonly autoscaler: string;
  /** Label selector of the workload's pods. */
  readonly selector: string;
  /** Port and path of the pods' metrics. */
  readonly port: number;
  readonly path: string;
  readonly signals: readonly Signal[];
  /** Number of pods to run in addition to those that the load requires, within the bounds. */
  readonly sparePods: number;
  /** Number of seconds for which a lower count must have been sufficient before pods are removed. */
  readonly scaleDownWindowSeconds: number;
  readonly scaleUp: Policy;
  readonly scaleDown: Policy;
}

/** Address and credentials of the Kubernetes API. */
export interface KubernetesConfig {
  /** `https://host:port` */
  readonly server: string;
  /** Folder with `token` and `ca.crt`. */
  readonly credentialsDir: string;
}

export interface ScalerConfig {
  readonly kubernetes: KubernetesConfig;
  readonly namespace: string;
  /** Name of the Lease that only one scaler holds at a time. */
  readonly lease: string;
  /** Name of this process in the Lease: the pod's name, so that a restarted container is still the holder. */
  readonly identity: string;
  /** Interval between two readings of the gauges, in milliseconds. */
  readonly tickMs: number;
  /** Port of `/metrics`, `/livez` and `/readyz`. */
  readonly port: number;
  readonly targets: readonly Target[];
}

/** Values above the target times this factor are rejected, unless the signal has its own limit. */
const LIMIT_FACTOR = 1000;

const DNS_NAME = { pattern: /^[a-z0-9][a-z0-9-]{0,62}$/, expected: "a lowercase name" };

function policy(fields: Fields, defaults: Policy): Policy {
  const number = (name: keyof Policy, max: number) =>
    fields.number(name, { whole: true, min: 1, max, fallback: defaults[name] });
  const found = {
    percent: number("percent", 1000),
    pods: number("pods", 1000),
    periodSeconds: number("periodSeconds", 1800),
  };
  fields.end();
  return found;
}

function signal(fields: Fields): Signal {
  const metric = fields.text("metric", { pattern: /^[a-zA-Z_:][\w:]*$/, expected: "the name of a gauge" });
  const target = fields.number("target", { above: 0 });
  return { metric, target, limit: fields.number("limit", { min: target || 0, fallback: target * LIMIT_FACTOR || 1 }) };
}

function target(fields: Fields): Target {
  const workload = fields.text("workload", DNS_NAME);
  return {
    workload,
    autoscaler: fields.text("autoscaler", { ...DNS_NAME, fallback: workload || "unknown" }),
    selector: fields.text("selector", {
      pattern: /^[\w./=!,() -]{3,}$/,
      expected: "a label selector, such as app=node",
    }),
    port: fields.number("port", { whole: true, min: 1, max: 65535 }),
    path: fields.text("path", { pattern: /^\/[^?#\s]*$/, expected: "a path that starts with /", fallback: "/metrics" }),
    signals: fields.list("signals", signal),
    sparePods: fields.number("sparePods", { whole: true, min: 0, max: 1000, fallback: 0 }),
    scaleDownWindowSeconds: fields.number("scaleDownWindowSeconds", { min: 1, max: 3600, fallback: 120 }),
    scaleUp: policy(fields.fieldsOf("scaleUp"), { percent: 100, pods: 4, periodSeconds: 15 }),
    scaleDown: policy(fields.fieldsOf("scaleDown"), { percent: 50, pods: 1, periodSeconds: 60 }),
  };
}

function repeated(what: string, names: readonly string[], problems: string[]): void {
  for (const name of new Set(names.filter((each, i) => each !== "" && names.indexOf(each) !== i)))
    problems.push(`${what} "${name}" is listed more than once`);
}

function kubernetes(env: NodeJS.ProcessEnv, problems: string[]): KubernetesConfig {
  const host = env["KUBERNETES_SERVICE_HOST"];
  const server =
    env["KUBERNETES_API_URL"] ||
    (host ? `https://${host.includes(":") ? `[${host}]` : host}:${env["KUBERNETES_SERVICE_PORT"] || 443}` : "");
  if (!server)
    problems.push(
      "neither KUBERNETES_API_URL nor KUBERNETES_SERVICE_HOST is set, expected the address of the Kubernetes API",
    );
  else if (!URL.canParse(server)) problems.push(`KUBERNETES_API_URL is "${server}", expected https://host:port`);
  return {
    server,
    credentialsDir: env["KUBERNETES_CREDENTIALS_DIR"] || "/var/run/secrets/kubernetes.io/serviceaccount",
  };
}

/** The value of SCALER_CONFIG; if it cannot be parsed, adds a problem and returns undefined. */
function parse(text: string | undefined, problems: string[]): unknown {
  if (!text) return void problems.push("SCALER_CONFIG is not set, expected the targets as JSON");
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    return void problems.push(`SCALER_CONFIG is not JSON: ${(error as Error).message}`);
  }
}

/** @throws an error with one line per problem: the field, its value and the expected value */
export function readConfig(env: NodeJS.ProcessEnv): ScalerConfig {
  const problems: string[] = [];
  const value = parse(env["SCALER_CONFIG"], problems);
  if (value === undefined) throw new Error(problems.join("\n"));
  const found: string[] = [];
  const fields = new Fields(value, "", found);
  const port = Number(env["PORT"] || 8080);
  const config: ScalerConfig = {
    kubernetes: kubernetes(env, problems),
    namespace: fields.text("namespace", DNS_NAME),
    lease: fields.text("lease", { ...DNS_NAME, fallback: "scaler" }),
    identity: env["POD_NAME"] || hostname(),
    tickMs: fields.number("tickMs", { whole: true, min: 100, max: 5000, fallback: 500 }),
    port,
    targets: fields.list("targets", target),
  };
  fields.end();
  if (!Number.isInteger(port) || port < 0) problems.push(`PORT is "${env["PORT"]}", expected a whole number from 0`);
  repeated(
    "workload",
    config.targets.map((each) => each.workload),
    found,
  );
  for (const each of config.targets)
    repeated(
      `${each.workload}: metric`,
      each.signals.map((s) => s.metric),
      found,
    );
  problems.push(...found.map((problem) => `SCALER_CONFIG: ${problem}`));
  if (problems.length) throw new Error(problems.join("\n"));
  return config;
}
