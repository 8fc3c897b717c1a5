/** Measures memory use over 500,000 requests, and under a flood of 1 MiB values. */
import { bundleApi, load, mixedRequests, publish, Server, startRedis } from "./lib";

const REQUESTS = 500_000;
const PARTS = 10;
/** The pod's memory limit, in bytes: above it the kernel kills the container. */
const LIMIT = 256 * 2 ** 20;
const MIB = (bytes: number): string => (bytes / 2 ** 20).toFixed(0);

const cluster = await startRedis(2);
const server = await Server.start("api", await bundleApi(), cluster);
try {
  const seen: number[] = [];
  for (let part = 0; part < PARTS; part++) {
    const run = await load(server, { seconds: 0, amount: REQUESTS / PARTS, requests: mixedRequests() });
    if (run.failed > 0) throw new Error(`${run.failed} failed requests`);
    seen.push(server.memory());
    console.log(`${((part + 1) * REQUESTS) / PARTS} requests: ${MIB(server.memory())} MiB`);
  }
  // the first parts fill the caches and the heap; after that, memory use must not grow
  const early = Math.max(...seen.slice(0, 3));
  const late = Math.max(...seen.slice(-3));

  const value = "v".repeat(2 ** 20);
  const headers = { "content-type": "application/json" };
  const body = JSON.stringify({ id: "large", val: value });
  await fetch(`${server.address}/item`, { method: "POST", headers, body });
  await cluster.synced();
  let most = 0;
  const watch = setInterval(() => (most = Math.max(most, server.memory())), 20);
  const flood = await load(server, {
    seconds: 15,
    connections: 200,
    requests: [
      { method: "GET", path: "/item?id=large" },
      { method: "POST", path: "/item", headers, body },
    ],
  });
  clearInterval(watch);
  const health = await fetch(`${server.address}/livez`);
  const answered = `${flood.requests} answered, ${flood.failed} refused`;
  console.log(`flood: ${MIB(most)} MiB at most; ${answered}`);
  if (!health.ok) throw new Error("not alive after the flood");

  const ok = (met: boolean) => (met ? "met" : "**not met**");
  const growth = late / early;
  const table = [
    "| | seen | goal | |",
    "|---|---|---|---|",
    `| memory use over ${REQUESTS.toLocaleString("en")} requests: maximum in the last 30 %, relative to that in the first 30 % | ${growth.toFixed(2)}× (${MIB(early)} and ${MIB(late)} MiB) | ≤ 1.10× | ${ok(growth <= 1.1)} |`,
    `| memory use while 200 callers each read and write 1 MiB values for 15 s | at most ${MIB(most)} MiB; ${answered} | below the pod's limit, ${MIB(LIMIT)} MiB | ${ok(most < LIMIT)} |`,
  ].join("\n");
  console.log(`\n${table}`);
  publish("memory", table, { requests: REQUESTS, seen, flood, most });
  if (growth > 1.1 || most >= LIMIT) process.exitCode = 1;
} finally {
  await server.stop();
  await cluster.stop();
}
