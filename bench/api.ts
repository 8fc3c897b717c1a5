/** Measures the API's requests per CPU second, and compares them with three peers and with the API without metrics. */
import { spawnSync } from "node:child_process";
import * as path from "node:path";
import { bundle, bundleApi, interval, load, median, publish, Server, startRedis } from "./lib";

const ROUNDS = Number(process.env["ROUNDS"] ?? 11);
const SECONDS = 3;

/** The same API without request metrics. */
const NO_METRICS = { "src/metrics/histogram.ts": withoutObservation() };
function withoutObservation(): string {
  return `
    export class Series { constructor() {} observe() {} }
    export class FastHistogram {
      constructor(options, registry) { this.name = options.name; registry.registerMetric(this); }
      series() { return new Series(); }
      get() { return { name: this.name, help: "none", type: "histogram", aggregator: "sum", values: [] }; }
    }`;
}

const failures = (output: string): string =>
  output
    .split("\n")
    .filter((line) => !line.includes("✓"))
    .join("\n");
const peer = (name: string): string => path.join(import.meta.dirname, "peers", `${name}.ts`);
const cluster = await startRedis(3);
const goals: Record<string, { goal: number; what: string }> = {
  express: { goal: 2.0, what: "Express 5 with ioredis" },
  fastify: { goal: 1.1, what: "Fastify 5 with node-redis, one client" },
  bare: { goal: 0.95, what: "bare node:http with the same pool" },
  "no-metrics": { goal: 0.97, what: "the API itself without request metrics" },
};
const servers: Server[] = [];
try {
  const files: Record<string, string> = {
    api: await bundleApi(),
    "no-metrics": await bundleApi("no-metrics", NO_METRICS),
  };
  for (const name of ["express", "fastify", "bare"]) files[name] = await bundle(name, peer(name));
  for (const [name, file] of Object.entries(files)) servers.push(await Server.start(name, file, cluster));

  for (const server of servers) {
    // without metrics the contract test cannot pass
    if (server.name === "no-metrics") continue;
    process.stdout.write(`contract: ${server.name} … `);
    const { status, stdout } = spawnSync("npx", ["vitest", "run", "test/contract.test.ts"], {
      cwd: path.resolve(import.meta.dirname, "../images/node"),
      env: { ...process.env, CONTRACT_URL: server.address },
      encoding: "utf8",
    });
    if (status !== 0) throw new Error(`${server.name} does not meet the contract:\n${failures(stdout)}`);
    console.log("met");
  }

  for (const server of servers) await load(server, { seconds: 2 });
  const scores: Record<string, number[]> = Object.fromEntries(servers.map((s) => [s.name, []]));
  const p99: Record<string, number[]> = Object.fromEntries(servers.map((s) => [s.name, []]));
  for (let round = 0; round < ROUNDS; round++) {
    // a different order in each round, so that no server always runs after the same one
    for (let i = 0; i < servers.length; i++) {
      const server = servers[(i + round) % servers.length]!;
      const run = await load(server, { seconds: SECONDS });
      if (run.failed > 0) throw new Error(`${server.name}: ${run.failed} failed requests`);
      scores[server.name]!.push(run.perCpuSecond);
      p99[server.name]!.push(run.p99);
    }
    const line = servers.map((s) => `${s.name} ${scores[s.name]!.at(-1)!.toFixed(0)}`).join("  ");
    console.log(`round ${round + 1} of ${ROUNDS}: ${line}`);
  }

  const rows = Object.entries(goals).map(([name, { goal, what }]) => {
    const ratios = scores["api"]!.map((score, i) => score / scores[name]![i]!);
    const [low, high] = interval(ratios);
    return { name, what, goal, ratio: median(ratios), low, high, perCpuSecond: median(scores[name]!) };
  });
  const table = [
    `The API: **${median(scores["api"]!).toFixed(0)} requests per CPU second** (median of ${ROUNDS} runs of ${SECONDS} s).`,
    "",
    "| peer | requests per CPU second | ratio (95 % interval) | goal | |",
    "|---|---|---|---|---|",
    ...rows.map(
      (r) =>
        `| ${r.what} | ${r.perCpuSecond.toFixed(0)} | **${r.ratio.toFixed(2)}×** (${r.low.toFixed(2)} to ${r.high.toFixed(2)}) | ≥ ${r.goal.toFixed(2)}× | ${r.ratio >= r.goal ? "met" : "**not met**"} |`,
    ),
  ].join("\n");
  console.log(`\n${table}`);
  publish("api", table, { rounds: ROUNDS, seconds: SECONDS, scores, p99, rows });
} finally {
  await Promise.all(servers.map((s) => s.stop()));
  await cluster.stop();
}
