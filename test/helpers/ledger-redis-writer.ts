/**
 * A ledger writer like `WRITER`, but one that writes directly to Redis, for the baseline, which has no API:
 * `node -e REDIS_WRITER WRITERS PAUSE_MS FOLDER`, with HOST:PORT in TARGET.
 */
export const REDIS_WRITER = `
const net = require("node:net"), fs = require("node:fs");
const [writers, pause, folder] = [Number(process.argv[1]), Number(process.argv[2]), process.argv[3]];
const [host, port] = process.env.TARGET.split(":");
const file = fs.openSync(folder + "/kept", "a"), others = fs.openSync(folder + "/refused", "a");
let next = 0, failed = 0, stopped = false;
process.on("SIGTERM", () => process.exit(0));
process.on("SIGUSR2", () => { stopped = true; setTimeout(() => fs.writeFileSync(folder + "/failed", String(failed)), 12000); });
function connection() {
  const socket = net.connect({ host, port: Number(port) });
  let answer = () => {};
  socket.setTimeout(10000, () => socket.destroy());
  socket.on("data", (text) => answer(String(text)));
  socket.on("error", () => {});
  socket.on("close", () => answer("closed"));
  return { socket, set: (key) => new Promise((resolve) => {
    answer = resolve;
    if (socket.destroyed) return resolve("closed");
    socket.write("*3\\r\\n$3\\r\\nSET\\r\\n$" + key.length + "\\r\\n" + key + "\\r\\n$" + key.length + "\\r\\n" + key + "\\r\\n");
  }) };
}
async function writer() {
  let redis = connection();
  while (!stopped) {
    const key = "ledger-" + next++;
    const answer = await redis.set(key);
    if (answer === "+OK\\r\\n") fs.writeSync(file, key + " " + Date.now() + "\\n");
    else {
      failed++;
      fs.writeSync(others, Date.now() + " " + JSON.stringify(answer.slice(0, 40)) + "\\n");
      await new Promise((r) => setTimeout(r, 100));
      if (redis.socket.destroyed) redis = connection();
    }
    if (pause) await new Promise((r) => setTimeout(r, pause));
  }
}
setInterval(() => {}, 1 << 30);
for (let i = 0; i < writers; i++) writer();
`;
