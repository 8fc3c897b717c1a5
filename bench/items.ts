/** Measures `GET /items` over 1 million keys: its memory use, and its effect on other requests. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { bundleApi, interval, median, pause, probe, publish, Server, startRedis } from "./lib";

const KEYS = 1_000_000;
const ROUNDS = 7;
const SECONDS = 6;
/**
 * A moderate load, because the benchmark measures how a list slows other requests, not how a saturated server behaves.
 */
const RATE = 300;

const cluster = await startRedis(2);
const server = await Server.start("api", await bundleApi(), cluster);
try {
  cluster.main.cli("EVAL", `for i = 1, ${KEYS} do redis.call('SET', 'item:' .. i, i) end`, "0");
  await cluster.synced();
  const calm = () => probe(`${server.address}/item?id=key:1`, RATE, SECONDS);
  await calm();

  /**
   * Reads one complete list in another process at full speed, and returns the seconds until its first and last bytes.
   */
  const list = async () => {
    const format = "%{time_starttransfer} %{time_total} %{http_code}";
    const args = ["-s", "-o", "/dev/null", "-w", format, `${server.address}/items`];
    const [first, seconds, status] = (await promisify(execFile)("curl", args)).stdout.split(" ").map(Number);
    if (status !== 200) throw new Error(`the list was answered ${status}`);
    return { first: first!, seconds: seconds! };
  };
  const keys = new Set((await (await fetch(`${server.address}/items`)).json()) as string[]).size;

  const before = server.memory();
  let most = before;
  const watch = setInterval(() => (most = Math.max(most, server.memory())), 20);
  const rows: { idle: number; busy: number; seconds: number; first: number }[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const idle = await calm();
    let done = false;
    const lists: Awaited<ReturnType<typeof list>>[] = [];
    const listing = (async () => {
      while (!done) lists.push(await list());
    })();
    const busy = await calm();
    done = true;
    await listing;
    rows.push({ idle, busy, seconds: lists[0]!.seconds, first: lists[0]!.first });
    const result = `p99 ${idle.toFixed(2)} ms, with a list ${busy.toFixed(2)} ms, list ${lists[0]!.seconds.toFixed(1)} s`;
    console.log(`round ${round + 1} of ${ROUNDS}: ${result}`);
    await pause(200);
  }
  clearInterval(watch);
  const ratios = rows.map((r) => r.busy / r.idle);
  const [low, high] = interval(ratios);
  const grown = (most - before) / 2 ** 20;
  const table = [
    "| | | goal | |",
    "|---|---|---|---|",
    `| keys in the list, out of ${KEYS + 1000} | ${keys} | all | ${keys === KEYS + 1000 ? "met" : "**not met**"} |`,
    `| memory growth | ${grown.toFixed(0)} MiB (from ${(before / 2 ** 20).toFixed(0)} MiB) | < 50 MiB | ${grown < 50 ? "met" : "**not met**"} |`,
    `| p99 latency of other requests (${RATE}/s), relative to that without a list | ${median(ratios).toFixed(2)}× (${low.toFixed(2)} to ${high.toFixed(2)}); ${median(rows.map((r) => r.idle)).toFixed(2)} ms and ${median(rows.map((r) => r.busy)).toFixed(2)} ms | ≤ 1.5× | ${median(ratios) <= 1.5 ? "met" : "**not met**"} |`,
    `| time to return the full list while serving other requests | ${median(rows.map((r) => r.seconds)).toFixed(1)} s, ` +
      `first byte after ${(median(rows.map((r) => r.first)) * 1000).toFixed(0)} ms | | |`,
  ].join("\n");
  console.log(`\n${table}`);
  publish("items", table, { keys: KEYS, rate: RATE, rows, before, most });
} finally {
  await server.stop();
  await cluster.stop();
}
