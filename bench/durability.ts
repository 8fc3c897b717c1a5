/**
 * Measures the cost of `safe` and `ha`: write throughput and latency, relative to asynchronous writes on the same
 * Redis. Needs root, iproute2 and Redis 7.2.
 */
import { once } from "node:events";
import * as path from "node:path";
import { row, rowsTable } from "../test/helpers/publish";
import { requirements, MEMBERS, POOL, Pods } from "./ledger/pods";
import { bundleApi, interval, median, pause, publish } from "./lib";

const ROUNDS = 9;
const SECONDS = 4;
const CONNECTIONS = 64;
const AUTOCANNON = path.resolve(import.meta.dirname, "node_modules/autocannon/autocannon.js");

/** The baseline is `fast`: no write waits, and main flushes to disk within a second. */
const MODES = ["fast", "safe", "ha"] as const;
type Mode = (typeof MODES)[number];
const PORT: Readonly<Record<Mode, number>> = { fast: 3100, safe: 3100, ha: 3101 };

interface Result {
  readonly perSecond: number;
  readonly p99: number;
}

/** Configures Redis for a mode: read replicas have no append-only file, but Sentinel group members do. */
function set(pods: Pods, mode: Mode): void {
  const [main] = pods.mains;
  for (const i of MEMBERS) {
    pods.redisCli(i, "CONFIG", "SET", "appendonly", mode === "ha" || i === main ? "yes" : "no");
    pods.redisCli(i, "CONFIG", "SET", "appendfsync", mode === "fast" ? "everysec" : "always");
  }
}

/**
 * A replica that has just enabled its append-only file confirms no writes until the file contains its whole data set.
 */
async function filesComplete(pods: Pods): Promise<void> {
  const writing = /aof_rewrite_(in_progress|scheduled):1/;
  for (let tries = 0; MEMBERS.some((i) => writing.test(pods.redisCli(i, "INFO", "persistence"))); tries++) {
    if (tries > 300) throw new Error("an append-only file was incomplete after 60 s");
    await pause(200);
  }
}

async function load(pods: Pods, mode: Mode, seconds: number): Promise<Result> {
  const body = JSON.stringify({ id: "[<id>]", val: "v".repeat(100) });
  const child = pods.outside(
    process.execPath,
    [
      ...[AUTOCANNON, "-j", "-n", "-I", "-c", String(CONNECTIONS), "-d", String(seconds), "-m", "POST"],
      ...["-H", "content-type=application/json", "-b", body, `http://127.0.0.1:${PORT[mode]}/item`],
    ],
    {},
    "pipe",
  );
  let out = "";
  child.stdout!.on("data", (chunk) => (out += chunk));
  await once(child, "close");
  const result = JSON.parse(out) as {
    "2xx": number;
    non2xx: number;
    errors: number;
    duration: number;
    latency: { p99: number };
  };
  if (result.non2xx + result.errors > 0)
    throw new Error(`${mode}: ${result.non2xx} writes refused, ${result.errors} failed`);
  return { perSecond: result["2xx"] / result.duration, p99: result.latency.p99 };
}

requirements();
const pods = new Pods();
const seen: Record<Mode, Result[]> = { fast: [], safe: [], ha: [] };
try {
  await pods.start();
  const api = await bundleApi();
  for (const mode of ["fast", "ha"] as const) {
    pods.outside(process.execPath, [api], {
      PORT: String(PORT[mode]),
      REDIS_SENTINELS: POOL.map((address) => `${address}:26379`).join(","),
      REDIS_USER: "api-commit",
      REDIS_PASSWORD_FILE: pods.passwordFile("api-write"),
      ...(mode === "ha" ? { REDIS_COMMIT_COPIES: "1" } : {}),
    });
  }
  await pause(3000);
  for (let round = 0; round <= ROUNDS; round++) {
    for (const mode of round % 2 ? MODES : [...MODES].reverse()) {
      set(pods, mode);
      await pods.healthy(60);
      await pause(1500);
      await filesComplete(pods);
      const result = await load(pods, mode, round === 0 ? 2 : SECONDS);
      // the first round is a warm-up
      if (round > 0) seen[mode].push(result);
      console.log(
        `${round === 0 ? "warm-up" : `round ${round}`}, ${mode}: ${Math.round(result.perSecond)} writes/s, p99 ${result.p99} ms`,
      );
    }
  }
  const against = (mode: "safe" | "ha") => {
    const ratios = (of: (r: Result) => number) => seen[mode].map((r, i) => of(r) / of(seen.fast[i]!));
    const text = (values: number[]) => {
      const [low, high] = interval(values);
      return `**${median(values).toFixed(2)}×** (95 % interval ${low.toFixed(2)} to ${high.toFixed(2)})`;
    };
    const [speed, late] = [ratios((r) => r.perSecond), ratios((r) => r.p99)];
    const middle = (of: (r: Result) => number, m: Mode) => Math.round(median(seen[m].map(of)));
    return [
      row(
        `\`${mode}\`: writes per second, relative to \`fast\``,
        `${text(speed)}; ${middle((r) => r.perSecond, mode)} and ${middle((r) => r.perSecond, "fast")}`,
        "≥ 0.5×",
        median(speed) >= 0.5,
      ),
      row(
        `\`${mode}\`: p99 latency of writes, relative to \`fast\``,
        `${text(late)}; ${middle((r) => r.p99, mode)} and ${middle((r) => r.p99, "fast")} ms`,
        "≤ 4×",
        median(late) <= 4,
      ),
    ];
  };
  publish("durability", rowsTable([...against("safe"), ...against("ha")]), seen);
} finally {
  await pods.stop();
}
