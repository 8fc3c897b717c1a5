/**
 * A program that writes without end and keeps every answer: `node -e WRITER WRITERS PAUSE_MS FOLDER`, with TARGET for
 * the API's items. Every key is a new one and its own value. What was answered with 200 is appended to FOLDER/kept at
 * once, with the moment, every other answer to FOLDER/refused, with what it said; after SIGUSR2 it writes no more, and leaves
 * in FOLDER/failed how many those were.
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
      const request = http.request(process.env.TARGET, { agent, timeout: 10000, method: "POST", headers: { "content-type": "application/json" } }, (r) => { let said = ""; r.on("data", (part) => (said += part)); r.once("end", () => resolve(r.statusCode === 200 ? 200 : r.statusCode + " " + said)); });
      request.once("timeout", () => request.destroy());
      request.once("error", (error) => resolve(error.message));
      request.end(JSON.stringify({ id, val: id }));
    });
    if (status === 200) fs.writeSync(file, id + " " + Date.now() + "\\n");
    else { failed++; fs.writeSync(others, Date.now() + " " + status + "\\n"); await new Promise((r) => setTimeout(r, 100)); }
    if (pause) await new Promise((r) => setTimeout(r, pause));
  }
}
// it stays when the writers have ended: its files are read then
setInterval(() => {}, 1 << 30);
for (let i = 0; i < writers; i++) writer(new http.Agent({ keepAlive: true, maxSockets: 1 }));
`;

/** Keys that were acknowledged, and when, ms since the epoch. */
export const parseKept = (text: string): Map<string, number> =>
  new Map(
    text
      .trim()
      .split("\n")
      .filter(Boolean)
      .map((line) => [line.split(" ")[0]!, Number(line.split(" ")[1])]),
  );

/**
 * A program that tells the longest time without an acknowledged write, ms: `node -e LONGEST_GAP FROM FILE…`, FROM in ms since the
 * epoch, files as {@link WRITER} keeps them. It runs where they lie, for they can be long.
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

/** Lua for EVAL_RO: the numbers of the ledger's keys that are there with their own value, with commas between. */
export const HELD =
  "local c,r='0',{} repeat local s=redis.call('SCAN',c,'MATCH','ledger-*','COUNT',5000) c=s[1] for _,k in ipairs(s[2]) do if redis.call('GET',k)==k then r[#r+1]=string.sub(k,8) end end until c=='0' return table.concat(r,',')";

/** Acknowledged keys that an instance lacks, by what {@link HELD} told. */
export function missing(kept: ReadonlyMap<string, number>, held: string): string[] {
  const there = new Set(
    held
      .trim()
      .split(",")
      .map((n) => `ledger-${n}`),
  );
  return [...kept.keys()].filter((key) => !there.has(key));
}
