/**
 * A program that writes to a Sentinel group as decision 15 requires, without the API:
 * `node -e COMMIT_WRITER PREFIX FOLDER`, with the members' addresses in POOL, their ports in REDIS_PORT and
 * SENTINEL_PORT, and the password of user api-commit in PASSWORD. Every write uses a new key, which is also its value.
 * Acknowledged keys are appended to FOLDER/kept with their time, and errors to FOLDER/refused. The program stops on
 * SIGTERM. Without WAITAOF (Redis before 7.2) it confirms with WAIT.
 */
export const COMMIT_WRITER = `
const net = require("node:net"), fs = require("node:fs");
const [prefix, folder] = process.argv.slice(1);
const { POOL, REDIS_PORT, SENTINEL_PORT, PASSWORD } = process.env;
const pool = POOL.split(",");
const kept = fs.openSync(folder + "/kept", "a"), refused = fs.openSync(folder + "/refused", "a");
const READ = "#!lua flags=allow-oom\\nredis.call('select',1) local e,c,p,rest=string.match(redis.call('get','commit') or '0 0 0','(%d+) (%d+) (%d+)(.*)') e,c,p=tonumber(e),tonumber(c),tonumber(p) local E=tonumber(ARGV[1]) local function put(...) redis.call('set','commit',table.concat({...},' ')..rest) end ";
const PREPARE = READ + "if e>E or p>E then return redis.error_reply('STALE') end if e==E then return 1 end put(e,c,E) return 0";
const ESTABLISH = READ + "if e==E then return 1 end if p~=E then return redis.error_reply('STALE') end put(E,0,p) return 0";
const FENCE = READ + "if e~=E or p>E then return redis.error_reply('STALE') end put(e,c+1,p) return 1";
function connect(host, port) {
  const socket = net.connect({ host, port: Number(port) });
  let text = "", waiting = [];
  const fail = (error) => { socket.destroy(); const all = waiting; waiting = []; for (const w of all) w.no(error); };
  // bulk strings here have no line breaks, so lines are enough
  const parse = () => {
    for (;;) {
      const end = text.indexOf("\\r\\n");
      if (end < 0) return;
      const line = text.slice(0, end);
      let rest = text.slice(end + 2), value = line.slice(1);
      if (line[0] === "*") {
        const n = 2 * Number(value), parts = rest.split("\\r\\n");
        const each = [];
        let at = 0;
        for (let i = 0; i < Number(value); i++) { if (parts[at] === undefined) return; if (parts[at][0] === "$") { each.push(parts[at + 1]); at += 2; } else each.push(parts[at++].slice(1)); }
        if (parts.length <= at) return;
        value = each; rest = parts.slice(at).join("\\r\\n");
      } else if (line[0] === "$" && value !== "-1") {
        const size = Number(value);
        if (rest.length < size + 2) return;
        value = rest.slice(0, size); rest = rest.slice(size + 2);
      }
      text = rest;
      const w = waiting.shift();
      if (line[0] === "-") w.no(new Error(value)); else w.yes(value);
    }
  };
  socket.on("data", (part) => { text += part; parse(); });
  socket.on("error", fail);
  socket.on("close", () => fail(new Error("closed")));
  const send = (...words) => new Promise((yes, no) => {
    if (socket.destroyed) return no(new Error("closed"));
    const timer = setTimeout(() => fail(new Error("timeout")), 1500);
    waiting.push({ yes: (v) => { clearTimeout(timer); yes(v); }, no: (e) => { clearTimeout(timer); no(e); } });
    socket.write("*" + words.length + "\\r\\n" + words.map((w) => "$" + Buffer.byteLength(String(w)) + "\\r\\n" + w + "\\r\\n").join(""));
  });
  return { send, close: () => fail(new Error("closed")), auth: send("AUTH", "api-commit", PASSWORD) };
}
async function named() {
  const answers = await Promise.all(pool.map(async (host) => {
    const redis = connect(host, SENTINEL_PORT);
    try {
      await redis.auth;
      const words = await redis.send("SENTINEL", "MASTER", "main");
      const of = (name) => words[words.indexOf(name) + 1];
      return of("ip") + " " + of("config-epoch");
    } catch { return undefined; } finally { redis.close(); }
  }));
  const agreed = answers.find((a, i) => a && answers.indexOf(a) !== i);
  if (!agreed) throw new Error("no two Sentinels agree");
  const [host, epoch] = agreed.split(" ");
  // as the API: two forced failovers at once can give two members the same epoch
  return [host, epoch + pool.indexOf(host)];
}
let waitaof = true;
async function confirmed(redis) {
  const end = Date.now() + 1000;
  do {
    try {
      if (!waitaof) { if (Number(await redis.send("WAIT", 1, 100)) >= 1) return; }
      else { const [own, others] = await redis.send("WAITAOF", 1, 1, 50); if (Number(own) >= 1 && Number(others) >= 1) return; }
    } catch (error) { if (!/unknown command|no permissions/.test(error.message) || !waitaof) throw error; waitaof = false; }
  } while (Date.now() < end);
  throw new Error("not confirmed");
}
let next = 0;
async function session() {
  const [host, epoch] = await named();
  const redis = connect(host, REDIS_PORT);
  try {
    await redis.auth;
    if (Number(await redis.send("EVAL", PREPARE, 0, epoch)) !== 1) {
      await confirmed(redis);
      await redis.send("EVAL", ESTABLISH, 0, epoch);
    }
    for (let group = 0; ; group++) {
      const keys = Array.from({ length: 5 }, () => "ledger-" + prefix + "-" + next++);
      const answers = await Promise.allSettled([...keys.map((key) => redis.send("SET", key, key)), redis.send("EVAL", FENCE, 0, epoch)]);
      const failed = answers.find((a) => a.status === "rejected");
      if (failed) throw failed.reason;
      await confirmed(redis);
      fs.writeSync(kept, keys.map((key) => key + " " + Date.now() + "\\n").join(""));
      await new Promise((r) => setTimeout(r, 5));
      // queries the Sentinels again, as the API does
      if (group % 100 === 99 && (await named()).join() !== [host, epoch].join()) return;
    }
  } finally { redis.close(); }
}
process.on("SIGTERM", () => process.exit(0));
(async () => { for (;;) { await session().catch((error) => fs.writeSync(refused, Date.now() + " " + error.message + "\\n")); await new Promise((r) => setTimeout(r, 50)); } })();
`;
