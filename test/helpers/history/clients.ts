/**
 * A program that runs many clients on a few keys and records every operation:
 * `node -e CLIENTS KEYS CLIENTS_PER_KEY PAUSE_MS FOLDER`. FOLDER/targets contains the base URLs of the API processes,
 * one per line, and is read again when it changes; each key's clients are spread over these URLs. The program appends
 * one line per operation to FOLDER/history, which record.ts reads. 40 % are sets, each with a new value, 15 % deletes,
 * 45 % strong reads. After SIGUSR2 the program starts no more operations, waits for outstanding responses, and creates
 * FOLDER/done.
 */
export const CLIENTS = `
const http = require("node:http"), fs = require("node:fs");
const [keys, perKey, pause] = process.argv.slice(1, 4).map(Number), folder = process.argv[4];
const file = fs.openSync(folder + "/history", "a");
// longer than the API takes for any response: it is harder to judge a write if its client gave up on it
const PATIENCE_MS = 30000;
let stopped = false, targets = [], changed = 0, lines = "";
function readTargets() {
  const { mtimeMs } = fs.statSync(folder + "/targets");
  if (mtimeMs === changed) return;
  changed = mtimeMs;
  targets = fs.readFileSync(folder + "/targets", "utf8").split("\\n").filter(Boolean);
}
readTargets();
setInterval(readTargets, 500);
function write() {
  if (lines) fs.writeSync(file, lines);
  lines = "";
}
setInterval(write, 100);
const now = (roundUp) => Number((process.hrtime.bigint() + (roundUp ? 999n : 0n)) / 1000n);
process.on("SIGTERM", () => process.exit(0));
process.on("SIGUSR2", () => { stopped = true; });
function call(agent, api, kind, key, value) {
  const options = { agent, method: { set: "POST", delete: "DELETE", read: "GET" }[kind], headers: { connection: "keep-alive" } };
  if (kind === "read") options.headers.consistency = "strong";
  if (kind === "set") options.headers["content-type"] = "application/json";
  return new Promise((resolve) => {
    const request = http.request(targets[api] + "/item" + (kind === "set" ? "" : "?id=" + key), options, (r) => {
      let body = "";
      r.setEncoding("utf8").on("data", (part) => (body += part));
      r.once("end", () => resolve([r.statusCode, body]));
      r.once("error", (error) => resolve([0, error.message]));
      r.once("aborted", () => resolve([0, "aborted"]));
    });
    const timer = setTimeout(() => request.destroy(new Error("no answer within " + PATIENCE_MS + " ms")), PATIENCE_MS);
    request.once("close", () => clearTimeout(timer));
    request.once("error", (error) => resolve([0, error.code || error.message]));
    request.end(kind === "set" ? JSON.stringify({ id: key, val: value }) : undefined);
  });
}
async function client(n) {
  const key = "history-" + (n % keys);
  const turn = Math.floor(n / keys);
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  for (let i = 0; !stopped; i++) {
    const draw = Math.random();
    const kind = draw < 0.4 ? "set" : draw < 0.55 ? "delete" : "read";
    const value = kind === "set" ? n + "." + i : null;
    const api = (turn + (n % keys)) % targets.length;
    const begin = now(false);
    const [status, body] = await call(agent, api, kind, key, value);
    const end = now(true);
    const good = status === 200 || (status === 404 && kind === "read");
    const seen = kind === "read" ? (status === 200 ? body : null) : value;
    lines += JSON.stringify([n, api, kind, key, seen, begin, end, status, good ? "" : body.slice(0, 120)]) + "\\n";
    await new Promise((r) => setTimeout(r, Math.random() * 2 * pause + (good ? 0 : 50)));
  }
}
Promise.all(Array.from({ length: keys * perKey }, (_, n) => client(n))).then(() => {
  write();
  fs.writeFileSync(folder + "/done", "");
});
`;
