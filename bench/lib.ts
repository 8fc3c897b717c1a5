/** The processes, loads and statistics that the benchmarks share. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { Agent, get } from "node:http";
import * as path from "node:path";
import autocannon from "autocannon";
import { build, type Plugin } from "esbuild";
import { Cluster } from "../images/node/test/helpers/cluster";
import { freePort, PASSWORD } from "../images/node/test/helpers/redis";
import { publishPart } from "../test/helpers/publish";

export const ROOT = path.resolve(import.meta.dirname, "..");
const API = path.join(ROOT, "images/node");
export const WORK = path.join(ROOT, ".state", "bench");

/**
 * Bundles a server as the image build does. Each key of `replace` is the end of a module's path; its value is the
 * module's new source.
 */
export async function bundle(name: string, entry: string, replace: Record<string, string> = {}): Promise<string> {
  const outfile = path.join(WORK, `${name}.cjs`);
  const swap: Plugin = {
    name: "swap",
    setup: ({ onLoad }) => {
      for (const [end, contents] of Object.entries(replace)) {
        onLoad({ filter: new RegExp(`${end.replace(/[./]/g, "\\$&")}$`) }, () => ({ contents, loader: "ts" }));
      }
    },
  };
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: "node",
    target: "node20",
    format: "cjs",
    minifySyntax: true,
    logLevel: "error",
    plugins: [swap],
  });
  return outfile;
}
export const bundleApi = (name = "api", replace: Record<string, string> = {}): Promise<string> =>
  bundle(name, path.join(API, "src/main.ts"), replace);

/** A server under test, in its own process. */
export class Server {
  private constructor(
    readonly name: string,
    readonly address: string,
    private readonly child: ChildProcess,
  ) {}

  /** Resolves when the server is ready. */
  static async start(name: string, file: string, cluster: Cluster, env: Record<string, string> = {}): Promise<Server> {
    const port = await freePort();
    mkdirSync(WORK, { recursive: true });
    const passwordFile = path.join(WORK, "password");
    writeFileSync(passwordFile, PASSWORD, { mode: 0o600 });
    const child = spawn(process.execPath, ["--max-old-space-size=160", file], {
      stdio: ["ignore", "ignore", "inherit"],
      env: {
        PATH: process.env["PATH"],
        PORT: String(port),
        REDIS_MAIN_URL: cluster.main.url,
        // the peers use one address; the API prefers discovery
        REDIS_REPLICAS_URL: cluster.replicas[0]!.url,
        REDIS_PASSWORD_FILE: passwordFile,
        ...cluster.env,
        ...env,
      },
    });
    const server = new Server(name, `http://127.0.0.1:${port}`, child);
    for (let i = 0; i < 200; i++) {
      const ok = await fetch(`${server.address}/readyz`).then(
        (r) => r.ok,
        () => false,
      );
      if (ok) return server;
      await pause(50);
    }
    await server.stop();
    throw new Error(`${name} was not ready within 10 s`);
  }

  /** CPU time used so far, user and system, in seconds. Source: proc(5), in ticks of 10 ms. */
  cpuSeconds(): number {
    const fields = readFileSync(`/proc/${this.child.pid}/stat`, "utf8").split(") ")[1]!.split(" ");
    return (Number(fields[11]) + Number(fields[12])) / 100;
  }

  /** Resident memory, in bytes. */
  memory(): number {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${this.child.pid}/status`, "utf8"))![1]) * 1024;
  }

  async stop(): Promise<void> {
    const exited = new Promise((resolve) => this.child.once("exit", resolve));
    if (this.child.exitCode === null) {
      this.child.kill("SIGKILL");
      await exited;
    }
  }
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Nine reads for each write of 100 bytes, over 1,000 keys. */
export function mixedRequests(): autocannon.Request[] {
  return Array.from({ length: 1000 }, (_, i) => {
    const id = `key:${(i * 7919) % 1000}`;
    return i % 10 === 0
      ? {
          method: "POST",
          path: "/item",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ id, val: "v".repeat(100) }),
        }
      : { method: "GET", path: `/item?id=${id}` };
  });
}

export interface Run {
  readonly requests: number;
  readonly failed: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly perCpuSecond: number;
  readonly p50: number;
  readonly p99: number;
}

/** Applies one bounded load: `connections` callers that wait for each response, or `rate` requests per second. */
export async function load(
  server: Server,
  options: { seconds: number; connections?: number; rate?: number; requests?: autocannon.Request[]; amount?: number },
): Promise<Run> {
  const before = server.cpuSeconds();
  const result = await autocannon({
    url: server.address,
    connections: options.connections ?? 64,
    ...(options.amount ? { amount: options.amount } : { duration: options.seconds }),
    ...(options.rate ? { overallRate: options.rate } : {}),
    requests: options.requests ?? mixedRequests(),
    timeout: 10,
  });
  const cpuSeconds = server.cpuSeconds() - before;
  const requests = result["2xx"];
  return {
    requests,
    failed: result.errors + result.timeouts + result.non2xx,
    seconds: result.duration,
    cpuSeconds,
    perCpuSecond: requests / cpuSeconds,
    p50: result.latency.p50,
    p99: result.latency.p99,
  };
}

/**
 * Sends a GET every `1000 / rate` ms, without waiting for earlier responses; returns the 99th percentile of the
 * response times in ms.
 */
export async function probe(address: string, rate: number, seconds: number): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: 50 });
  const times: number[] = [];
  const answers: Promise<void>[] = [];
  const begin = performance.now();
  for (let i = 0; i < rate * seconds; i++) {
    const wait = begin + (i * 1000) / rate - performance.now();
    if (wait > 0) await pause(wait);
    answers.push(
      new Promise((resolve, reject) => {
        const sent = performance.now();
        const request = get(address, { agent }, (response) => {
          response.resume().once("end", () => {
            times.push(performance.now() - sent);
            if (response.statusCode === 200) resolve();
            else reject(new Error(`answered ${response.statusCode}`));
          });
        });
        request.once("error", reject);
      }),
    );
  }
  await Promise.all(answers);
  agent.destroy();
  return times.sort((a, b) => a - b)[Math.floor(times.length * 0.99)]!;
}

/** Starts main and `replicas` replicas with 1,000 keys, all of them in memory only. */
export async function startRedis(replicas: number): Promise<Cluster> {
  const cluster = await new Cluster().start(replicas);
  cluster.main.cli("EVAL", "for i = 0, 999 do redis.call('SET', 'key:' .. i, string.rep('v', 100)) end", "0");
  await cluster.synced();
  return cluster;
}

export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
};

/** 95 % confidence interval of the median, by bootstrap. A fixed seed makes the result reproducible. */
export function interval(values: readonly number[], draws = 10_000): [number, number] {
  let state = 42;
  // xorshift: enough for drawing indices
  const random = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
  const medians = Array.from({ length: draws }, () =>
    median(values.map(() => values[Math.floor(random() * values.length)]!)),
  ).sort((a, b) => a - b);
  return [medians[Math.floor(draws * 0.025)]!, medians[Math.floor(draws * 0.975)]!];
}

/** Writes a benchmark's section in docs/benchmarks.md, and its figures as JSON. */
export const publish = (name: string, text: string, figures: unknown): void =>
  publishPart(ROOT, name, () => text, figures);
