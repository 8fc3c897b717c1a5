/** The system under test: runs commands as a user does, and queries the cluster. */
import * as fs from "node:fs";
import * as path from "node:path";
import { execFileSync, spawn } from "node:child_process";
import { PROJECT_ROOT } from "../../../catalog/paths";
import { loadConfig } from "../../../config";
import { clusterFlags, isReady, Kube, type KubeObject } from "../../../scripts/cluster/kubectl";
import { redisPods } from "../../../scripts/redis/pods";
import type { Run } from "../../../scripts/terminal/run-program";

/** The folder for the tests' own states, so that they never touch a user's deployment. */
export const STATE_DIR = ".state/e2e";

export interface Outcome {
  readonly code: number;
  readonly output: string;
  readonly seconds: number;
}

export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

const outputs: string[] = [];
/** The output of all commands so far. */
export const commandOutput = (): string => outputs.join("\n");

/** Runs a program in the project's folder; its output is shown and kept. */
export function command(program: string, args: readonly string[], options: CommandOptions = {}): Promise<Outcome> {
  const begin = Date.now();
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: options.cwd ?? PROJECT_ROOT,
      env: { ...process.env, IAC_STATE_DIR: STATE_DIR, ...options.env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    const keep = (chunk: Buffer) => {
      output += chunk.toString();
      process.stdout.write(chunk);
    };
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    const timer = setTimeout(() => child.kill("SIGINT"), options.timeoutMs ?? 900_000);
    child.on("error", reject);
    child.on("close", (code) => {
      clearTimeout(timer);
      outputs.push(output);
      resolve({ code: code ?? -1, output, seconds: (Date.now() - begin) / 1000 });
    });
  });
}

/** Runs a project command, `npm run NAME -- ARGS`, with the given environment variables. */
export const npmRunWith = (env: Readonly<Record<string, string>>, name: string, ...args: string[]): Promise<Outcome> =>
  command("npm", ["run", "-s", name, "--", ...args], { env });

/** Runs a project command: `npm run NAME -- ARGS`. */
export const npmRun = (name: string, ...args: string[]): Promise<Outcome> => npmRunWith({}, name, ...args);

/** Fails if the project is deployed on the cluster; deletes local files that an earlier test run left behind. */
export async function expectNoDeployment(): Promise<void> {
  const there = (await kube.list("namespaces"))
    .map((n) => n.metadata.name)
    .filter((n) => n === app || n === monitoring);
  if (there.length) {
    throw new Error(
      `namespaces ${there.join(", ")} already exist. This test deploys and deletes them, so it does not start. Remove them first: npm run down`,
    );
  }
  fs.rmSync(projectPath(STATE_DIR), { recursive: true, force: true });
  // the `terraform init` that cdktf runs rejects a folder that was initialized for another state
  fs.rmSync(projectPath("cdktf.out"), { recursive: true, force: true });
}

/** Queries Prometheus' HTTP API through the API server's proxy; returns the response's `data`. */
export const prometheus = async <T>(path: string): Promise<T> =>
  (
    JSON.parse(
      await apiRaw(
        `/api/v1/namespaces/${monitoring}/services/kube-prometheus-stack-prometheus:9090/proxy/api/v1/${path}`,
      ),
    ) as { data: T }
  ).data;

/** The current result of a PromQL expression. */
export const query = async (expr: string) =>
  (await prometheus<{ result: { value: [number, string] }[] }>(`query?query=${encodeURIComponent(expr)}`)).result;

// the scripts' runner needs ES modules, which jest cannot load
const run: Run = async (program, args, options) => {
  const { execFile } = await import("node:child_process");
  return new Promise((resolve, reject) => {
    const child = execFile(
      program,
      args,
      { timeout: options.timeoutMs, maxBuffer: 256 << 20, cwd: options.cwd, env: { ...process.env, ...options.env } },
      (error, stdout, stderr) => {
        if (error) reject(new Error(`${program} ${args.join(" ")}: ${stderr || error.message}`, { cause: error }));
        else resolve({ code: 0, stdout, stderr });
      },
    );
    if (options.input !== undefined) child.stdin?.end(options.input);
  });
};

export const config = loadConfig({ state: { dir: STATE_DIR } });
/** An object of any kind: each test picks the fields that it needs. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- the tests use fields of many kinds of objects
type AnyObject = Omit<KubeObject, "spec" | "status"> & { readonly spec?: any; readonly status?: any };
export const kube = new Kube(config, run) as {
  list(...args: string[]): Promise<AnyObject[]>;
  get(kind: string, name: string, namespace?: string): Promise<AnyObject | undefined>;
} & Kube;
export const app = config.namespaces.app;
export const monitoring = config.namespaces.monitoring;

/** The API server's response for a path (Services are reached through its proxy). */
export const apiRaw = (apiPath: string): Promise<string> => kube.raw(["get", "--raw", apiPath]);

/** Calls `use` with a local address that is forwarded to an object's port. */
export async function forward<T>(
  namespace: string,
  object: string,
  port: number,
  use: (address: string) => Promise<T>,
): Promise<T> {
  const child = spawn("kubectl", [...clusterFlags(config), "-n", namespace, "port-forward", object, `:${port}`]);
  try {
    const address = await new Promise<string>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no port-forward to ${object} within 20 s`)), 20_000);
      child.on("close", () => reject(new Error(`port-forward to ${object} ended`)));
      child.stdout.on("data", (chunk: Buffer) => {
        const local = /127\.0\.0\.1:(\d+)/.exec(chunk.toString())?.[1];
        if (!local) return;
        clearTimeout(timer);
        resolve(`http://127.0.0.1:${local}`);
      });
    });
    return await use(address);
  } finally {
    child.kill();
  }
}

export { isReady };

/** The application's pods, without the finished pods of backup Jobs. */
export const workloadPods = async () =>
  (await kube.list("pods", "-n", app)).filter((p) => !["Succeeded", "Failed"].includes(p.status?.phase as string));

/** How much larger an image is than the base of its Dockerfile's last stage, in MB. */
export function beyondBase(image: string, folder: string): number {
  const inspect = (ref: string) => execFileSync("docker", ["image", "inspect", "-f", "{{.Size}}", ref]).toString();
  const size = (ref: string): number => {
    try {
      return Number(inspect(ref));
    } catch {
      // the base may have been removed locally since the build
      execFileSync("docker", ["pull", "-q", ref]);
      return Number(inspect(ref));
    }
  };
  const dockerfile = fs.readFileSync(projectPath("images", folder, "Dockerfile"), "utf8");
  return (size(image) - size(/^FROM (\S+)$/m.exec(dockerfile)![1]!)) / 1e6;
}

/** Output of `redis-cli` in a Redis pod. Set `timeoutMs` for commands with long output. */
export const redisCli = (pod: string, args: readonly string[], timeoutMs?: number): Promise<string> =>
  kube.raw(
    [
      ...["-n", app, "exec", pod, "-c", "redis", "--", "sh", "-c"],
      `REDISCLI_AUTH=$(cat /run/secrets/redis/admin) redis-cli --user admin ${args.join(" ")}`,
    ],
    timeoutMs === undefined ? {} : { timeoutMs },
  );
/** Every Redis pod. */
export const redisPodNames = async (): Promise<string[]> => (await redisPods(kube)).map((pod) => pod.metadata.name);
export const redis = (pod: string, ...args: string[]): Promise<string> => redisCli(pod, args);

/** A Deployment's image. The API's image contains Node.js, so the tests run their own programs in it. */
const imageOf = (deployment: string): Promise<string> =>
  kube.raw(["-n", app, "get", "deploy", deployment, "-o", "jsonpath={.spec.template.spec.containers[0].image}"]);
export const apiImage = (): Promise<string> => imageOf("node");
export const frontImage = (): Promise<string> => imageOf("react");

/** Polls until `probe` returns a value; on timeout, the error contains the last error of `probe`. */
export async function eventually<T>(what: string, seconds: number, probe: () => Promise<T | undefined>): Promise<T> {
  const end = Date.now() + seconds * 1000;
  let last = "nothing";
  for (;;) {
    try {
      const value = await probe();
      if (value !== undefined) return value;
    } catch (error) {
      last = (error as Error).message;
    }
    if (Date.now() > end) throw new Error(`waited ${seconds} s for ${what}; last: ${last}`);
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}

/** Objects that appear and disappear by themselves, so they are not leftovers. */
const TRANSIENT =
  /^(events|leases|endpointslices|endpoints|pods\.metrics|nodes\.metrics|componentstatuses|podmetrics|nodemetrics|csinodes|csistoragecapacities|controllerrevisions|ipaddresses)/;

/** Every object in the cluster, by kind and name, as the baseline for a destroy. */
export async function inventory(): Promise<string[]> {
  const kinds = (await kube.raw(["api-resources", "--verbs=list", "-o", "name"]))
    .split("\n")
    .filter((k) => k && !TRANSIENT.test(k));
  const out = await kube.raw(
    [
      "get",
      kinds.join(","),
      "-A",
      "--ignore-not-found",
      "-o",
      'jsonpath={range .items[*]}{.kind}{" "}{.metadata.namespace}{"/"}{.metadata.name}{"\\n"}{end}',
    ],
    { timeoutMs: 120_000 },
  );
  return out.split("\n").filter(Boolean).sort();
}

/** Waits until the cluster contains exactly the same objects as before. */
export async function expectAsBefore(before: readonly string[]): Promise<void> {
  await eventually("the cluster to be as before", 60, async () => {
    const now = await inventory();
    const extra = now.filter((o) => !before.includes(o));
    const missing = before.filter((o) => !now.includes(o));
    if (extra.length || missing.length)
      throw new Error(`left: ${extra.join(", ") || "nothing"}; missing: ${missing.join(", ") || "nothing"}`);
    return true;
  });
}

export const specReplicas = async (kind: string, name: string): Promise<number> =>
  Number(await kube.raw(["-n", app, "get", kind, name, "-o", "jsonpath={.spec.replicas}"]));

/** Waits until an autoscaler keeps its count for two sync periods of 15 s. */
export async function settled(kind: string, name: string): Promise<number> {
  let count = -1;
  let since = 0;
  return eventually(`the count of ${name} to stay for 35 s`, 180, async () => {
    const now = await specReplicas(kind, name);
    if (now !== count) [count, since] = [now, Date.now()];
    return Date.now() - since > 35_000 ? count : undefined;
  });
}

export const projectPath = (...parts: string[]): string => path.join(PROJECT_ROOT, ...parts);
