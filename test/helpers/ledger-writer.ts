/**
 * A program that writes continuously and records every response: `node -e WRITER WRITERS PAUSE_MS FOLDER`, with the URL of
 * the API's items in TARGET. Every write uses a new key, which is also its value. Responses with status 200 are
 * appended to FOLDER/kept with their time, all others to FOLDER/refused with their time and text. After SIGUSR2 the
 * program stops writing and stores the number of failed writes in FOLDER/failed.
 */
export const WRITER = `
const http = require("node:http"), fs = require("node:fs");
const [writers, pause, folder] = [Number(process.argv[1]), Number(process.argv[2]), process.argv[3]];
const file = fs.openSync(folder + "/kept", "a"), others = fs.openSync(folder + "/refused", "a");
let next = 0, failed = 0, stopped = false;
process.on("SIGTERM", () => process.exit(0));
process.on("SIGUSR2", () => { stopped = true; setTimeout(() => fs.writeFileSync(folder + "/failed", String(failed)), 12000); });
async function writer(agent) {
  while (!stopped) {
    const id = "ledger-" + next++;
    const status = await new Promise((resolve) => {
      const request = http.request(process.env.TARGET, { agent, timeout: 10000, method: "POST", headers: { "content-type": "application/json" } }, (r) => { let body = ""; r.on("data", (part) => (body += part)); r.once("end", () => resolve(r.statusCode === 200 ? 200 : r.statusCode + " " + body)); });
      request.once("timeout", () => request.destroy());
      request.once("error", (error) => resolve(error.message));
      request.end(JSON.stringify({ id, val: id }));
    });
    if (status === 200) fs.writeSync(file, id + " " + Date.now() + "\\n");
    else { failed++; fs.writeSync(others, Date.now() + " " + status + "\\n"); await new Promise((r) => setTimeout(r, 100)); }
    if (pause) await new Promise((r) => setTimeout(r, pause));
  }
}
// keeps running after the writers have ended, because its files are read then
setInterval(() => {}, 1 << 30);
for (let i = 0; i < writers; i++) writer(new http.Agent({ keepAlive: true, maxSockets: 1 }));
`;

/** Acknowledged keys, each with its time in ms since the epoch. */
export const parseKept = (text: string): Map<string, number> =>
  new Map(
    text
      .trim()
      .split("\n")
      .filter(Boolean)
      .map((line) => [line.split(" ")[0]!, Number(line.split(" ")[1])]),
  );

/**
 * A program that prints the longest time without an acknowledged write, in ms: `node -e LONGEST_GAP FROM FILE…`, with
 * FROM in ms since the epoch and the "kept" files of {@link WRITER}. It runs in the pod that has the files, because
 * they can be large.
 */
export const LONGEST_GAP = `
const [from, ...files] = process.argv.slice(1);
const times = files
  .flatMap((file) => require("node:fs").readFileSync(file, "latin1").split("\\n"))
  .map((line) => Number(line.split(" ")[1]))
  .filter((at) => at >= Number(from) - 1000)
  .sort((a, b) => a - b);
let gap = 0;
for (let i = 1; i < times.length; i++) gap = Math.max(gap, times[i] - times[i - 1]);
console.log(gap);
`;

/**
 * Lua script for EVAL_RO: returns the numbers of the ledger's keys that exist with the correct value, separated by
 * commas.
 */
export const HELD =
  "local c,r='0',{} repeat local s=redis.call('SCAN',c,'MATCH','ledger-*','COUNT',5000) c=s[1] for _,k in ipairs(s[2]) do if redis.call('GET',k)==k then r[#r+1]=string.sub(k,8) end end until c=='0' return table.concat(r,',')";

/** Acknowledged keys that an instance lacks, from the output of {@link HELD}. */
export function missing(kept: ReadonlyMap<string, number>, held: string): string[] {
  const present = new Set(
    held
      .trim()
      .split(",")
      .map((n) => `ledger-${n}`),
  );
  return [...kept.keys()].filter((key) => !present.has(key));
}
