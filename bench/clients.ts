/** Compares the two available Redis libraries by commands per CPU second, on one connection. */
import { createClient } from "@redis/client";
import { Redis } from "ioredis";
import { PASSWORD } from "../images/node/test/helpers/redis";
import { interval, median, publish, startRedis } from "./lib";

const ROUNDS = 9;
const COMMANDS = 100_000;
const AT_ONCE = 32;

const cluster = await startRedis(0);
const { port } = cluster.main;
const nodeRedis = createClient({ url: `redis://127.0.0.1:${port}`, password: PASSWORD, disableOfflineQueue: true });
nodeRedis.on("error", () => undefined);
await nodeRedis.connect();
const options = { port, password: PASSWORD, enableOfflineQueue: false, lazyConnect: true };
const plain = new Redis(options);
const pipelined = new Redis({ ...options, enableAutoPipelining: true });
const joined = new Redis(options);
await Promise.all([plain.connect(), pipelined.connect(), joined.connect()]);
let open = false;

const ways: Record<string, () => Promise<string | null>> = {
  "node-redis 6.3.1": () => nodeRedis.get("key:1"),
  "ioredis 6.0.0": () => plain.get("key:1"),
  "ioredis, auto-pipelining": () => pipelined.get("key:1"),
  "ioredis, one write per event-loop turn (as in the API)": () => {
    if (!open) {
      open = true;
      const { stream } = joined;
      stream.cork();
      setImmediate(() => {
        open = false;
        stream.uncork();
      });
    }
    return joined.get("key:1");
  },
};

async function run(get: () => Promise<string | null>, count: number): Promise<void> {
  let left = count;
  const one = async () => {
    while (left-- > 0) if ((await get())?.length !== 100) throw new Error("a wrong reply");
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
}

try {
  for (const get of Object.values(ways)) await run(get, COMMANDS / 4);
  const scores: Record<string, number[]> = Object.fromEntries(Object.keys(ways).map((name) => [name, []]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, get] of Object.entries(ways)) {
      const before = process.cpuUsage();
      await run(get, COMMANDS);
      const { user, system } = process.cpuUsage(before);
      scores[name]!.push(COMMANDS / ((user + system) / 1e6));
    }
    console.log(`round ${round + 1} of ${ROUNDS}`);
  }
  const [first] = Object.keys(ways);
  const rows = Object.entries(scores).map(([name, all]) => {
    const ratios = all.map((score, i) => score / scores[first!]![i]!);
    const [low, high] = interval(ratios);
    return `| ${name} | ${Math.round(median(all) / 1000)} 000 | ${median(ratios).toFixed(1)}× (${low.toFixed(1)} to ${high.toFixed(1)}) |`;
  });
  const table = ["| | GETs per CPU second | relative to node-redis (95 % interval) |", "|---|---|---|", ...rows].join(
    "\n",
  );
  console.log(`\n${table}`);
  publish("clients", table, { rounds: ROUNDS, commands: COMMANDS, scores });
} finally {
  nodeRedis.destroy();
  for (const client of [plain, pipelined, joined]) client.disconnect();
  await cluster.stop();
}
